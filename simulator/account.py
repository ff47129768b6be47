"""The customer account behind the simulated API: its products with features and tests."""

from bisect import insort
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter

from simulator import vocabulary as words
from simulator.generator import NEWEST_END, Generator
from simulator.options import SimulatorOptions
from simulator.problems import UnknownIdError
from simulator.rows import FeatureRow, JsonObject, ProductRow, TestRow

LONGEST_STEP = timedelta(hours=31)
LONGEST_HISTORY = timedelta(days=8 * 365)
CANCELLED_EVERY = 9
AGE_SHIFTS = {1: -1.0, 5: 2.5}
"""By the last digit of its age: a tie with the next newer test, an end before older tests'."""
SECTIONS_OF_A_PRODUCT = 3
_BY_ORDER = attrgetter("order")


@dataclass(slots=True)
class Shelf:
    """One product with what belongs to it."""

    product: ProductRow
    features: dict[int, FeatureRow] = field(default_factory=dict)
    tests: dict[int, TestRow] = field(default_factory=dict)
    listing: list[TestRow] = field(default_factory=list)
    """The tests in the API's order, newest `end_at` first."""

    def put_test(self, test: TestRow) -> None:
        """Add a test, or replace the one with its id, in its place in the order."""
        if test.id in self.tests:
            self.drop_test(test.id)
        self.tests[test.id] = test
        insort(self.listing, test, key=_BY_ORDER)

    def drop_test(self, test_id: int) -> TestRow:
        """Remove a test; the ones below it move up."""
        test = self.tests.pop(test_id)
        self.listing.remove(test)
        return test

    def stories(self) -> dict[tuple[int, str], JsonObject]:
        """Every user story as an object, by its feature and its title."""
        return {
            (feature.id, story["title"]): story
            for feature in self.features.values()
            for story in feature.whole["user_stories"]
        }

    def shuffled(self) -> list[TestRow]:
        """The tests in an order that has nothing to do with time but never changes."""
        # Multiplying by a large odd number scatters ids without keeping any state.
        return sorted(self.listing, key=lambda test: test.id * 2_654_435_761 % 2**32)


class Account:
    """All products of one customer, in the order they were added. Used on the loop only."""

    def __init__(self, options: SimulatorOptions) -> None:
        self.generator = Generator(options.seed)
        self.shelves: dict[int, Shelf] = {}
        for number in range(options.products):
            rank = _evenly(number, options.section_count, options.products)
            product = ProductRow.of(self.make_product(_sections(rank)))
            self._furnish(self.put_product(product), options)

    def shelf(self, product_id: int) -> Shelf:
        """The product with that id.

        Raises:
            UnknownIdError: there is none.
        """
        try:
            return self.shelves[product_id]
        except KeyError:
            raise UnknownIdError(f"no product {product_id}") from None

    def shelf_of_test(self, test_id: int) -> Shelf:
        """The product that the test with that id belongs to.

        Raises:
            UnknownIdError: there is no such test.
        """
        for shelf in self.shelves.values():
            if test_id in shelf.tests:
                return shelf
        raise UnknownIdError(f"no test {test_id}")

    def make_product(self, sections: int = 0) -> JsonObject:
        """Make up a product, not yet added, with so many sections besides the default one."""
        return self.generator.product(sections=sections, default_in_list=sections != 1)

    def put_product(self, product: ProductRow) -> Shelf:
        """Add a product without features or tests."""
        shelf = self.shelves[product.id] = Shelf(product)
        return shelf

    def make_feature(self, shelf: Shelf) -> JsonObject:
        """Make up a feature of that product, not yet added, user stories as objects."""
        product = shelf.product
        return self.generator.feature(sorted(product.section_ids) if product.has_sections else ())

    def make_test(self, shelf: Shelf, end: datetime) -> JsonObject:
        """Make up a test of that product that has just been set up, not yet added."""
        return self._make_tests(shelf, [(end, words.OPEN_STATUSES[0])])[0]

    def truth(self) -> JsonObject:
        """Everything, complete and in the API's own forms, features and tests by product id.

        User stories are objects, and features say in which sections they stand.
        """
        return {
            "products": [shelf.product.data for shelf in self.shelves.values()],
            "features": {
                str(number): [feature.whole for feature in shelf.features.values()]
                for number, shelf in self.shelves.items()
            },
            "tests": {
                str(number): [test.data for test in shelf.listing]
                for number, shelf in self.shelves.items()
            },
        }

    def _furnish(self, shelf: Shelf, options: SimulatorOptions) -> None:
        for _ in range(options.features):
            feature = FeatureRow.of(self.make_feature(shelf))
            shelf.features[feature.id] = feature
        for data in self._make_tests(shelf, _history(options.tests)):
            test = TestRow.of(data)
            shelf.tests[test.id] = test
        shelf.listing = sorted(shelf.tests.values(), key=_BY_ORDER)

    def _make_tests(self, shelf: Shelf, plan: list[tuple[datetime, str]]) -> list[JsonObject]:
        product = shelf.product.data
        features = [feature.whole for feature in shelf.features.values()]
        make = self.generator.test
        return [make(product, features, end=end, status=status) for end, status in plan]


def _history(count: int) -> list[tuple[datetime, str]]:
    """End and status of `count` tests in the order of their ids, about oldest first."""
    step = min(LONGEST_STEP, LONGEST_HISTORY / max(count, 1))
    return [(_end(age, step), _status(age)) for age in reversed(range(count))]


def _end(age: int, step: timedelta) -> datetime:
    shifted = age + AGE_SHIFTS.get(age % 10, 0.0)
    return NEWEST_END - timedelta(minutes=int(shifted * step / timedelta(minutes=1)))


def _status(age: int) -> str:
    """The status of the test with `age` newer ones in its product."""
    if age < len(words.OPEN_STATUSES):
        return words.OPEN_STATUSES[age]
    return "cancelled" if age % CANCELLED_EVERY == 0 else "archived"


def _evenly(number: int, chosen: int, total: int) -> int:
    """Whether `number` is among the `chosen` of `total`, spread evenly: its rank, or 0."""
    rank = (number + 1) * chosen // total
    return rank if rank > number * chosen // total else 0


def _sections(rank: int) -> int:
    """Every second product with sections shows it only by its list with the default one."""
    if not rank:
        return 0
    return SECTIONS_OF_A_PRODUCT if rank % 2 else 1
