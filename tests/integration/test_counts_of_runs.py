"""The counts of a run are of distinct rows, however often one was read in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rules.model import Counts, Kind, RunStatus, SyncOptions
from rules.records import BadRow, Page
from storage.engine.database import Database
from storage.writes.mirror_rows import MirrorRows
from tests.fakes import START, feature
from tests.rig import Rig

FORCE = SyncOptions(force=True)


def test_features_that_are_read_twice_are_refreshed_once(make_rig: Callable[..., Rig]) -> None:
    """By `--force` what a list lacks is settled by reading it a second time."""
    rig = make_rig(products=2, features=8, tests=3)
    rig.sync()
    product = rig.products()[1]
    lost = rig.simulator.account()["features"][str(product)][0]["id"]
    rig.simulator.mutate("delete", "feature", product_id=product, id=lost)
    result = rig.sync(FORCE)
    assert rig.requests(f"/products/{product}/features") == 2
    assert result.counts[Kind.FEATURES].gone == 1
    assert result.features_refreshed == 2 * 8 - 1


def test_products_that_are_read_twice_count_once(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=4, features=1, tests=1)
    rig.sync()
    rig.simulator.mutate("delete", "product", id=rig.products()[0])
    result = rig.sync(FORCE)
    assert rig.requests("/products") >= 2
    assert result.counts[Kind.PRODUCTS].seen == 3
    assert result.products_synced == 3


def test_unusable_records_that_an_earlier_page_held_count_no_more(database: Database) -> None:
    rows = MirrorRows(database)
    bad = BadRow(position=1, record_id=None, reason="odd", excerpt="?", fingerprint="f")
    page = Page(product_id=1, kind=Kind.FEATURES, records=(feature(7, 1),), bad_rows=(bad,))
    first = rows.store_page(page, run_id=1, at=START).counts
    assert (first.new, first.quarantined) == (1, 1)
    again = replace(page, counted=page.countable)
    assert rows.store_page(again, run_id=1, at=START).counts == Counts()


def test_tests_around_a_hole_that_are_read_twice_count_once(make_rig: Callable[..., Rig]) -> None:
    """A hole that is due is looked at first, and the list is read after that."""
    rig = make_rig(products=1, features=0, tests=60)
    fault = rig.simulator.add_fault(kind="poison", test_id=rig.tests(rig.products()[0])[20])
    rig.sync()
    rig.simulator.remove_fault(fault)
    result = rig.sync(FORCE)
    assert result.status is RunStatus.SUCCESS
    assert result.counts[Kind.TESTS].seen == 60
    assert result.tests_discovered == 1


def test_a_test_that_the_list_lacks_counts_once_however_often_it_is_fetched(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=60)
    rig.sync()
    rig.simulator.add_fault(kind="omit_rows", rows=2, path="*/exploratory_tests")
    result = rig.sync(SyncOptions(force=True, refresh_mutable=True))
    assert result.counts[Kind.TESTS].seen <= 60
