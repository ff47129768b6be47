"""A model of the remote account: what it holds, how it moves, and what it fails on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from rules.listing.windows import Window
from rules.records import FeatureRecord, ProductRecord, TestRecord
from testio.errors import NotFound, ServerError, Timeout
from testio.limits import RequestScope
from testio.payloads import Rows
from tests.fakes import rows_of

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANY_NUMBER = 1_000_000


@dataclass
class ModelTest:
    """One test; `end` in hours before noon, so that smaller is newer."""

    id: int
    end: int
    title: str = "a test"
    status: str = "archived"


@dataclass
class ModelProduct:
    """One product; lists are in the remote's order."""

    id: int
    tests: list[ModelTest] = field(default_factory=list)
    features: dict[int, str] = field(default_factory=dict)

    def sort(self) -> None:
        self.tests.sort(key=lambda test: (test.end, -test.id))


@dataclass
class ModelAccount:
    """Answers like the remote does. `between` is called before each page of tests is answered."""

    products: dict[int, ModelProduct] = field(default_factory=dict)
    poison: set[int] = field(default_factory=set)
    failing: set[tuple[str, int]] = field(default_factory=set)
    quick: int = ANY_NUMBER
    """A page of more tests takes too long."""
    moves: list[tuple[str, int, int]] = field(default_factory=list)
    loose_ties: bool = False
    """Tests that end at the same time change places from request to request."""
    ignores_paging: bool = False
    strays: dict[int, int] = field(default_factory=dict)
    """By product: a feature of another one that its list holds as well."""
    requests: int = 0
    next_id: int = 1000

    # -- mutations ---------------------------------------------------------------------------

    def add_product(self) -> ModelProduct:
        product = ModelProduct(id=self._new_id())
        self.products[product.id] = product
        return product

    def add_test(self, product: ModelProduct, end: int) -> None:
        product.tests.append(ModelTest(id=self._new_id(), end=end))
        product.sort()

    def add_feature(self, product: ModelProduct) -> None:
        product.features[self._new_id()] = "a feature"

    def _new_id(self) -> int:
        self.next_id += 1
        return self.next_id

    def move(self, what: str, product_id: int, at: int) -> None:
        """One change of one product's tests, between two requests or between two runs."""
        product = self.products.get(product_id)
        if product is None:
            return
        tests = product.tests
        if what == "insert":
            self.add_test(product, at)
        elif tests and what == "delete":
            tests.pop(at % len(tests))
        elif tests and what == "change":
            tests[at % len(tests)].title += "!"
        elif tests and what == "swap":  # compensating: one goes, one comes
            tests.pop(at % len(tests))
            self.add_test(product, at)
        elif tests and what == "postpone":
            tests[at % len(tests)].end = -self.next_id
            product.sort()

    # -- what a client sees ------------------------------------------------------------------

    def _answer(self, kind: str, product_id: int, scope: RequestScope) -> None:
        scope.cancellation.check()
        self.requests += 1
        if (kind, product_id) in self.failing:
            raise ServerError("the remote failed (500)")

    def list_products(self, scope: RequestScope) -> Rows[ProductRecord]:
        self._answer("products", 0, scope)
        return rows_of([_product(key) for key in self.products])

    def list_features(self, product_id: int, scope: RequestScope) -> Rows[FeatureRecord]:
        self._answer("features", product_id, scope)
        found = self._product(product_id).features
        rows = rows_of([_feature(key, product_id, title) for key, title in found.items()])
        stray = self.strays.get(product_id)
        if stray is not None and stray not in found:
            rows = rows_of([*rows.records, _feature(stray, product_id, "a feature")])
        return rows

    def list_section_features(
        self, product_id: int, section_id: int, scope: RequestScope
    ) -> Rows[FeatureRecord]:
        raise NotFound(f"no section {section_id}")

    def list_tests(
        self,
        product_id: int,
        window: Window,
        scope: RequestScope,
        *,
        patient: bool = True,
        retry_slow: bool = True,
    ) -> Rows[TestRecord]:
        self._answer("tests", product_id, scope)
        if self.moves:
            self.move(*self.moves.pop())
        tests = self._in_order(product_id)
        if not self.ignores_paging:
            tests = tests[window.offset : window.limit]
        if len(tests) > self.quick:
            raise Timeout("the remote took too long (524)")
        if any(test.id in self.poison for test in tests):
            raise ServerError("the remote failed (500)")
        return rows_of([record_of(test, product_id) for test in tests])

    def _in_order(self, product_id: int) -> list[ModelTest]:
        tests = self._product(product_id).tests
        if not self.loose_ties:
            return tests
        return sorted(tests, key=lambda test: (test.end, hash((self.requests, test.id))))

    def get_test(self, test_id: int, product_id: int | None, scope: RequestScope) -> TestRecord:
        self._answer("test", test_id, scope)
        for product in self.products.values():
            for test in product.tests:
                if test.id == test_id:
                    if test_id in self.poison:
                        raise ServerError("the remote failed (500)")
                    return replace(record_of(test, product.id), metrics=f"[{self.requests}]")
        raise NotFound(f"no test {test_id}")

    def _product(self, product_id: int) -> ModelProduct:
        if product_id not in self.products:
            raise NotFound(f"no product {product_id}")
        return self.products[product_id]

    def close(self) -> None:
        """Nothing is open."""


def record_of(test: ModelTest, product_id: int) -> TestRecord:
    """The record that the client makes of a test."""
    data = json.dumps([test.id, product_id, test.title, test.status, test.end])
    return TestRecord(
        id=test.id,
        product_id=product_id,
        title=test.title,
        status=test.status,
        review_status=None,
        testing_type=None,
        start_at=None,
        end_at=NOON - timedelta(hours=test.end),
        data=data,
        content_hash=hashlib.blake2b(data.encode(), digest_size=8).hexdigest(),
    )


def _product(product_id: int) -> ProductRecord:
    return ProductRecord(
        id=product_id,
        name=f"product {product_id}",
        product_type=None,
        has_sections=False,
        section_ids=(),
        data="{}",
        content_hash=f"p{product_id}",
    )


def _feature(feature_id: int, product_id: int, title: str) -> FeatureRecord:
    return FeatureRecord(
        id=feature_id,
        product_id=product_id,
        title=title,
        section_ids=(),
        data="{}",
        content_hash=f"{feature_id} {product_id} {title}",
    )
