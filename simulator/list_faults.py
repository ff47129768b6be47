"""What faults do to the list that a window is cut from."""

from hashlib import blake2b
from itertools import count

from simulator.account import Account, Shelf
from simulator.fault_book import MetFaults
from simulator.rows import FeatureRow, TestRow

_requests = count(1)


def shelf_met(met: MetFaults, account: Account, product_id: int) -> Shelf:
    """The product that is asked for, or the one whose list is taken for it."""
    mistaken = met.take("another_list")
    return account.shelf(product_id if mistaken is None else mistaken.other_id or 0)


def tests_met(met: MetFaults, account: Account, shelf: Shelf, size: int) -> list[TestRow]:
    """The tests of a product in the order of this answer, whose windows have `size` rows."""
    tests = shelf.listing if met.take("unsorted") is None else shelf.shuffled()
    if (stray := met.take("stray")) is not None:
        owner = account.shelf_of_test(stray.test_id or 0)
        tests = sorted([*tests, owner.tests[stray.test_id or 0]], key=lambda test: test.order)
    if (loose := met.take("loose_ties")) is not None:
        turn = next(_requests) if loose.by == "request" else size
        tests = sorted(tests, key=lambda test: (test.order[0], _drawn(turn, test.id)))
    if met.take("nulls_last") is not None:
        tests = sorted(tests, key=lambda test: test.data["end_at"] is None)
    return tests


def features_met(met: MetFaults, account: Account, shelf: Shelf) -> list[FeatureRow]:
    """The features of a product, with one of another product among them where that is asked."""
    features = list(shelf.features.values())
    if (stray := met.take("stray_feature")) is not None:
        wanted = stray.feature_id
        features += [s.features[wanted] for s in account.shelves.values() if wanted in s.features]
    return features


def _drawn(turn: int, test_id: int) -> bytes:
    return blake2b(f"{turn}/{test_id}".encode(), digest_size=8).digest()
