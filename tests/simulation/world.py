"""The world of one life: an account, a mirror and a log in memory, which go wrong by the weather.

Everything here runs on simulated threads, and notes the truth with which the checks compare what
the actors have said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from actors.messages import StorePage, SyncProduct
from rules.listing.windows import Window
from rules.model import PRODUCT_LIST, Counts, ErrorKind, Kind, Problem, SyncPhase
from rules.records import BadRow, FeatureRecord, Page, ProductRecord, Stored, TestRecord
from rules.run.events import Entry, RunClosed
from storage.engine.errors import StorageError
from testio.cancellation import Cancellation
from testio.errors import NotFound, ServerError, Timeout, Unauthorized
from testio.limits import RequestScope
from testio.payloads import Rows
from tests.fakes import START, FakeQueries, R, a_test, feature, product, rows_of
from tests.simulation.machine import Machine
from tests.simulation.weather import FAILURES, Weather

PHASE_OF = {phase.kind: phase for phase in SyncPhase}


@dataclass
class SimClock:
    """The machine's time; the wall clock may jump."""

    machine: Machine
    jumped: timedelta = timedelta()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.machine.now) + self.jumped

    def elapsed(self) -> float:
        return self.machine.now


@dataclass
class World:
    """One account and its mirror. `lists`: the ids of each list, as the account holds them."""

    machine: Machine
    weather: Weather
    sizes: Mapping[int, int]
    workers: int
    lists: dict[tuple[Kind, int], tuple[int, ...]] = field(default_factory=dict)
    tests: dict[int, list[TestRecord]] = field(default_factory=dict)
    at_work: dict[str, SyncProduct] = field(default_factory=dict)
    of_scope: dict[Cancellation, SyncProduct] = field(default_factory=dict)
    of_page: dict[int, StorePage] = field(default_factory=dict)
    over: Counter[int] = field(default_factory=Counter)
    """Runs that are cancelled, as an operator was told, and the products begun since then."""

    def __post_init__(self) -> None:
        self.lists[Kind.PRODUCTS, PRODUCT_LIST] = tuple(self.sizes)
        for key, size in self.sizes.items():
            self.lists[Kind.FEATURES, key] = tuple(key * 100 + n for n in range(size % 4))
            self.lists[Kind.TESTS, key] = tuple(key * 1000 + n for n in range(size))
            self.tests[key] = [a_test(id_, key) for id_ in self.lists[Kind.TESTS, key]]
        self.machine.observers.append(self._observe)

    def _observe(self, name: str, message: object) -> None:
        """What an actor takes out of its inbox tells who works for what."""
        if isinstance(message, SyncProduct):
            self.at_work[name] = message
            self._is_begun(message.ticket.run_id)
            self.of_scope[message.requests.cancellation] = message
        elif isinstance(message, StorePage):
            self.of_page[id(message.page)] = message

    def _is_begun(self, run_id: int) -> None:
        """A cancelled run may still take up what is on its way: one product a worker, twice."""
        if run_id not in self.over:
            return
        self.over[run_id] += 1
        if self.over[run_id] > 2 * self.workers:
            self.machine.fail(f"run {run_id} is cancelled and goes on with product after product")

    def goes_wrong(self, what: str, task: SyncProduct | None, kind: ErrorKind) -> bool:
        """Whether this goes wrong now; what meets a product is remembered."""
        if not self.weather.brings(what):
            return False
        self.blame(task, kind)
        return True

    def blame(self, task: SyncProduct | None, kind: ErrorKind) -> None:
        """That product met this, in its run and phase."""
        if task is not None:
            self.weather.met.add((task.ticket.run_id, task.phase, task.product_id, kind))

    def linger(self, what: str, *seconds: float) -> None:
        """Perhaps take some time."""
        if self.weather.brings(what):
            self.machine.sleep(self.weather.rng.choice(seconds))


class Remote:
    """The account, asked by the workers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _answer(self, scope: RequestScope) -> SyncProduct:
        world, weather = self._world, self._world.weather
        task = world.of_scope[scope.cancellation]
        scope.cancellation.check()
        world.machine.pause()
        if weather.brings("slow request"):
            scope.cancellation.sleep(weather.rng.choice((0.05, 0.5, 3.0, 30.0)))
        if world.goes_wrong("hanging request", task, ErrorKind.TIMEOUT):
            scope.cancellation.sleep(300.0)
            raise Timeout("no answer within 300 s")
        if world.goes_wrong("refused token", task, ErrorKind.UNAUTHORIZED):
            raise Unauthorized("the token is not accepted")
        if weather.brings("bug in a request"):
            raise weather.bug()
        sick = None if weather.calm else weather.sick.get(task.product_id)
        if sick is not None or weather.brings("failing request"):
            failure = sick or weather.rng.choice(FAILURES)
            world.blame(task, failure.kind)
            raise failure(f"{failure.__name__} by the weather")
        return task

    def _rows(self, scope: RequestScope, kind: Kind, records: Sequence[R]) -> Rows[R]:
        task = self._answer(scope)
        if not records or not self._world.goes_wrong("unusable row", task, ErrorKind.BAD_ROWS):
            return rows_of(records)
        last = records[-1]
        bad = BadRow(
            position=len(records),
            record_id=last.id,
            reason="unusable",
            excerpt="?",
            fingerprint=f"{kind.value} {last.id}",
        )
        ids = (*(record.id for record in records[:-1]), None)
        return Rows(records=tuple(records[:-1]), bad_rows=(bad,), ids=ids)

    def list_products(self, scope: RequestScope) -> Rows[ProductRecord]:
        found = [product(key) for key in self._world.sizes]
        return self._rows(scope, Kind.PRODUCTS, found)

    def list_features(self, product_id: int, scope: RequestScope) -> Rows[FeatureRecord]:
        ids = self._world.lists[Kind.FEATURES, product_id]
        return self._rows(scope, Kind.FEATURES, [feature(key, product_id) for key in ids])

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
        found = self._world.tests[product_id][window.offset : window.limit]
        task = self._answer(scope)
        if found and self._world.goes_wrong("unusable row", task, ErrorKind.HOLES):
            raise ServerError("a record in this window cannot be shown")
        if window.per_page > 5 and self._world.weather.slow_rows and not self._world.weather.calm:
            self._world.blame(task, ErrorKind.TIMEOUT)
            raise Timeout("so many rows take too long")
        return rows_of(found)

    def get_test(self, test_id: int, product_id: int | None, scope: RequestScope) -> TestRecord:
        raise NotFound(f"no test {test_id}")

    def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class Commit:
    """One page that is on disk."""

    run_id: int
    page: Page
    at: float
    acknowledged: bool


class MirrorInMemory:
    """Keeps pages. Refuses, crashes and dawdles by the weather, before or after its commit."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.commits: list[Commit] = []
        self.product_lists: list[set[int]] = []
        self._listed: tuple[int, ...] | None = None
        self._ids: dict[tuple[int, Kind, int], set[int]] = {}
        self._gaps: dict[tuple[int, Kind, int], set[str]] = {}

    def store_page(self, page: Page, *, run_id: int, at: datetime) -> Stored:
        return self._store([page])[0]

    def store_pages(self, pages: Sequence[Page], *, at: datetime) -> tuple[Stored, ...] | None:
        if not all(page.is_plain for page in pages):
            return None
        return self._store(pages)

    def _store(self, pages: Sequence[Page]) -> tuple[Stored, ...]:
        world = self._world
        orders = [world.of_page[id(page)] for page in pages]
        for order in orders:
            if order.ticket.run_id in world.over:
                world.machine.fail(f"run {order.ticket.run_id} is cancelled and a page is stored")
        world.linger("slow page", 0.01, 1.0, 20.0)
        tasks = [_task_of(order) for order in orders]
        if world.weather.brings("refused page"):
            for task in tasks:
                world.weather.met.add((*task, ErrorKind.STORAGE))
            raise StorageError("the disk is full")
        if world.weather.brings("bug before a page is stored"):
            raise world.weather.bug()
        dies = world.weather.brings("bug after a page is stored")
        for order in orders:
            run_id, now = order.ticket.run_id, world.machine.now
            self.commits.append(Commit(run_id, order.page, now, acknowledged=not dies))
            page = order.page
            ids = self._ids.setdefault((run_id, page.kind, page.product_id), set())
            ids.update(record.id for record in page.records)
            if order.page.kind is Kind.PRODUCTS:
                self.product_lists.append(set(page.listed_ids))
                self._listed = tuple(record.id for record in page.records)
        if dies:
            raise world.weather.bug()
        return tuple(self._stored(order) for order in orders)

    def _stored(self, order: StorePage) -> Stored:
        page = order.page
        open_gaps = self._gaps.setdefault((order.ticket.run_id, page.kind, page.product_id), set())
        open_gaps |= {row.fingerprint for row in page.bad_rows}
        open_gaps |= {hole.fingerprint for hole in page.holes}
        return Stored(counts=Counts(new=len(page.records)), gaps=len(open_gaps))

    def ids(self, run_id: int, kind: Kind, product_id: int) -> set[int]:
        """What a run has stored of one list."""
        return self._ids.get((run_id, kind, product_id), set())

    def take_over(self, other: MirrorInMemory, run_id: int) -> None:
        """From now on it holds what the other has built in this run."""
        self.commits += [commit for commit in other.commits if commit.run_id == run_id]
        self._ids |= {key: ids for key, ids in other._ids.items() if key[0] == run_id}
        self._listed = other._listed

    def products(self) -> tuple[int, ...] | None:
        """What the last list of products said that was stored."""
        return self._listed


def _task_of(order: StorePage) -> tuple[int, SyncPhase, int]:
    return order.ticket.run_id, PHASE_OF[order.page.kind], order.page.product_id


class FreshInMemory(MirrorInMemory):
    """Where a fresh start is built; `adopted` is what has been put in the mirror's place."""

    def __init__(self, world: World, mirror: MirrorInMemory) -> None:
        super().__init__(world)
        self._mirror = mirror
        self.adopted: list[int] = []

    def adopt(self, run_id: int, *, at: datetime, account: Mapping[str, str]) -> None:
        self._world.linger("slow page", 0.1, 20.0)
        if self._world.weather.brings("unwritable fresh start"):
            raise StorageError("the disk is full")
        if self._world.weather.brings("bug before a page is stored"):
            raise self._world.weather.bug()
        self.adopted.append(run_id)
        self._mirror.take_over(self, run_id)

    def discard(self) -> None:
        self.commits.clear()
        self._listed = None


class EventsInMemory:
    """Keeps entries, like the real log: all or nothing, and one end for each run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.entries: list[Entry] = []
        self._ended: set[int] = set()

    def write(self, entries: Sequence[Entry]) -> frozenset[int]:
        world = self._world
        world.linger("slow event", 0.01, 1.0, 20.0)
        if world.weather.brings("refused event"):
            raise StorageError("the disk is full")
        if len(entries) > 1 and world.weather.brings("bug before an event is written"):
            raise world.weather.rng.choice((RuntimeError, SystemExit))("a bug")
        now: set[int] = set()
        for entry in entries:
            if isinstance(entry, RunClosed):
                if entry.result.run_id in self._ended:
                    continue
                now.add(entry.result.run_id)
                self._ended.add(entry.result.run_id)
            self.entries.append(entry)
        return frozenset(now)


class WorldQueries(FakeQueries):
    """What the actors read of the mirror."""

    def __init__(self, world: World, mirror: MirrorInMemory, fresh: MirrorInMemory) -> None:
        super().__init__(None)
        self._world, self._mirror, self._fresh = world, mirror, fresh

    def known_products(self) -> tuple[int, ...] | None:
        self._read()
        return self._mirror.products()

    def missing_tests(
        self, product_id: int, listing: int, seen: Collection[int], since: datetime | None
    ) -> tuple[tuple[int, ...], int]:
        self._read()
        return (), len(seen)

    def fresh(self, run_id: int) -> WorldQueries:
        return WorldQueries(self._world, self._fresh, self._fresh)

    def _read(self) -> None:
        world = self._world
        task = world.at_work.get(world.machine.current.name)
        if world.goes_wrong("unreadable mirror", task, ErrorKind.STORAGE):
            raise StorageError("the mirror cannot be read")
        if world.weather.brings("bug in reading the mirror"):
            raise world.weather.bug()


class Account:
    """Known from the start, or from the first list of products on; or not ours."""

    def __init__(self, *, verified: bool, ours: bool) -> None:
        self.verified = verified
        self._ours = ours

    def check(self, listed_ids: Collection[int]) -> Problem | None:
        if not self._ours:
            return Problem(kind=ErrorKind.WRONG_ACCOUNT, message="another account")
        self.verified = True
        return None

    def identity(self) -> Mapping[str, str]:
        return {}
