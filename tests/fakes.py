"""Stand-ins that behave: an account in memory, a clock that is moved by hand, stores that count."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from actors.ports import Sections
from rules.listing.planning import CursorState
from rules.listing.windows import Window
from rules.model import Counts, Kind, SyncPhase
from rules.records import FeatureRecord, HoleRecord, Page, ProductRecord, Stored, TestRecord
from rules.run.events import Entry, EventName, RunClosed, RunOpened, SyncEvent
from testio.errors import NotFound
from testio.limits import RequestScope
from testio.payloads import Rows

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
Misbehaviour = Callable[[RequestScope], None]


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed())

    def elapsed(self) -> float:
        with self._lock:
            return self._seconds

    def move(self, seconds: float) -> None:
        with self._lock:
            self._seconds += seconds


def product(product_id: int) -> ProductRecord:
    return ProductRecord(
        id=product_id,
        name=f"product {product_id}",
        product_type=None,
        has_sections=False,
        section_ids=(),
        data="{}",
        content_hash=f"p{product_id}",
    )


def feature(feature_id: int, product_id: int, title: str = "a feature") -> FeatureRecord:
    return FeatureRecord(
        id=feature_id,
        product_id=product_id,
        title=title,
        section_ids=(),
        data="{}",
        content_hash=f"f{feature_id}{title}",
    )


def a_test(test_id: int, product_id: int, title: str = "a test") -> TestRecord:
    return TestRecord(
        id=test_id,
        product_id=product_id,
        title=title,
        status="running",
        review_status=None,
        testing_type=None,
        start_at=None,
        end_at=START - timedelta(hours=test_id),
        data="{}",
        content_hash=f"t{test_id}{title}",
    )


@dataclass
class FakeAccount:
    """A remote in memory. `misbehave[(phase, product)]` is called before that product's answer."""

    products: Sequence[int] = (1, 2, 3)
    tests_each: int = 5
    misbehave: dict[tuple[SyncPhase, int], Misbehaviour] = field(default_factory=dict)
    calls: list[tuple[SyncPhase, int]] = field(default_factory=list)
    closed: bool = False

    def _answer(self, phase: SyncPhase, product_id: int, scope: RequestScope) -> None:
        scope.cancellation.check()
        self.calls.append((phase, product_id))
        misbehave = self.misbehave.get((phase, product_id))
        if misbehave is not None:
            misbehave(scope)

    def list_products(self, scope: RequestScope) -> Rows[ProductRecord]:
        self._answer(SyncPhase.PRODUCTS, 0, scope)
        return rows_of([product(key) for key in self.products])

    def list_features(self, product_id: int, scope: RequestScope) -> Rows[FeatureRecord]:
        self._answer(SyncPhase.FEATURES, product_id, scope)
        return rows_of([feature(product_id * 100, product_id)])

    def list_section_features(
        self, product_id: int, section_id: int, scope: RequestScope
    ) -> Rows[FeatureRecord]:
        raise NotFound(f"no section {section_id}")

    def get_test(self, test_id: int, product_id: int | None, scope: RequestScope) -> TestRecord:
        owner = test_id // 1000
        if owner not in self.products or test_id % 1000 >= self.tests_each:
            raise NotFound(f"no test {test_id}")
        return a_test(test_id, owner)

    def list_tests(
        self,
        product_id: int,
        window: Window,
        scope: RequestScope,
        *,
        patient: bool = True,
        retry_slow: bool = True,
    ) -> Rows[TestRecord]:
        self._answer(SyncPhase.NEW_TESTS, product_id, scope)
        ids = [product_id * 1000 + n for n in range(self.tests_each)]
        here = ids[window.offset : window.offset + window.per_page]
        return rows_of([a_test(key, product_id) for key in here])

    def close(self) -> None:
        self.closed = True


R = TypeVar("R", ProductRecord, FeatureRecord, TestRecord)


def rows_of(records: Sequence[R]) -> Rows[R]:
    return Rows(records=tuple(records), bad_rows=(), ids=tuple(record.id for record in records))


class FakeMirror:
    """Keeps pages; `before_store` may raise or wait."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.before_store: Callable[[Page], None] = lambda _page: None

    def store_page(self, page: Page, *, run_id: int, at: datetime) -> Stored:
        self.before_store(page)
        self.pages.append(page)
        return Stored(counts=Counts(new=len(page.records)))

    def store_pages(self, pages: Sequence[Page], *, at: datetime) -> None:
        """None: each is stored by itself."""


class FakeEvents:
    """Keeps entries in the order in which they were written."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.before_write: Callable[[Sequence[Entry]], None] = lambda _entries: None

    def write(self, entries: Sequence[Entry]) -> frozenset[int]:
        self.before_write(entries)
        ended = {e.result.run_id for e in self.entries if isinstance(e, RunClosed)}
        now: set[int] = set()
        for entry in entries:
            if isinstance(entry, RunClosed):
                if entry.result.run_id in ended | now:
                    continue  # a run ends once
                now.add(entry.result.run_id)
            self.entries.append(entry)
        return frozenset(now)

    def names(self) -> list[str]:
        return [
            "run_started"
            if isinstance(entry, RunOpened)
            else "run_finished"
            if isinstance(entry, RunClosed)
            else entry.event.value
            for entry in self.entries
        ]

    def of(self, name: EventName) -> list[SyncEvent]:
        return [e for e in self.entries if isinstance(e, SyncEvent) and e.event is name]


@dataclass
class FakeQueries:
    """The products the mirror is said to hold."""

    products: tuple[int, ...] | None

    def known_products(self) -> tuple[int, ...] | None:
        return self.products

    def sections_of(self, product_id: int) -> Sections:
        return Sections()

    def placed_features(self, product_id: int) -> Mapping[int, bool]:
        return {}

    def cursor(self, product_id: int, kind: Kind) -> CursorState:
        return CursorState()

    def holes(self, product_id: int, now: datetime) -> tuple[tuple[HoleRecord, bool], ...]:
        return ()

    def known_tests(self, product_id: int, hashes: Mapping[int, str]) -> frozenset[int]:
        return frozenset()

    def listed_in(self, product_id: int, listing: int) -> frozenset[int]:
        return frozenset()

    def missing_tests(
        self, product_id: int, listing: int, seen: Collection[int], since: datetime | None
    ) -> tuple[tuple[int, ...], int]:
        return (), 0

    def unchecked_tests(self, product_id: int, since: datetime | None) -> tuple[int, ...]:
        return ()

    def open_tests(self, product_id: int) -> tuple[int, ...]:
        return ()

    def fresh(self, run_id: int) -> FakeQueries:
        return self
