"""What the actor system is built from. Everything here can be replaced in a test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from actors.clock import Clock, SystemClock
from rules.listing.planning import CursorState
from rules.listing.windows import Window
from rules.model import Kind, Problem, RunRequest, Trigger
from rules.records import FeatureRecord, HoleRecord, Page, ProductRecord, Stored, TestRecord
from rules.run.events import Entry
from rules.run.schedule import Schedule
from testio.limits import RequestScope
from testio.payloads import Rows


class RemoteClient(Protocol):
    """What the workers need of the remote; `testio.client.TestioClient` is the real one."""

    def list_products(self, scope: RequestScope) -> Rows[ProductRecord]: ...

    def list_features(self, product_id: int, scope: RequestScope) -> Rows[FeatureRecord]: ...

    def list_section_features(
        self, product_id: int, section_id: int, scope: RequestScope
    ) -> Rows[FeatureRecord]: ...

    def list_tests(
        self,
        product_id: int,
        window: Window,
        scope: RequestScope,
        *,
        patient: bool = True,
        retry_slow: bool = True,
    ) -> Rows[TestRecord]: ...

    def get_test(self, test_id: int, product_id: int | None, scope: RequestScope) -> TestRecord: ...

    def close(self) -> None: ...


class MirrorStore(Protocol):
    """Where MirrorWriter writes; `storage.writes.mirror_rows.MirrorRows` is the real one."""

    def store_page(self, page: Page, *, run_id: int, at: datetime) -> Stored: ...

    def store_pages(self, pages: Sequence[Page], *, at: datetime) -> tuple[Stored, ...] | None:
        """Several at once; None, with nothing written, where they have to be stored singly."""


class FreshStore(Protocol):
    """Where the MirrorWriter builds a fresh start; `FreshStart` is the real one."""

    def store_page(self, page: Page, *, run_id: int, at: datetime) -> Stored: ...

    def adopt(self, run_id: int, *, at: datetime, account: Mapping[str, str]) -> None: ...

    def discard(self) -> None: ...


class AccountGuard(Protocol):
    """Says whether this is the mirror's account; `service.account.AccountGuard` is the real one.

    The workers and the MirrorWriter ask, each on its own thread. Each may raise StorageError.
    """

    @property
    def verified(self) -> bool:
        """Whether nothing speaks against writing before the products were listed."""

    def check(self, listed_ids: Collection[int]) -> Problem | None:
        """Recognise the account by its products; the problem if it is another one."""

    def identity(self) -> Mapping[str, str]:
        """What is to be recorded of the account."""


class AnyAccount:
    """Accepts every account, and has nothing to record."""

    verified = True

    def check(self, listed_ids: Collection[int]) -> Problem | None:  # noqa: ARG002
        """No problem."""
        return None

    def identity(self) -> Mapping[str, str]:
        """Nothing."""
        return {}


class EventStore(Protocol):
    """Where Logger writes; `storage.writes.sync_log.SyncLog` is the real one."""

    def write(self, entries: Sequence[Entry]) -> frozenset[int]:
        """Write all or nothing; returns the runs that these entries have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """The ids of a product's sections, empty for one without; and as of when that was so."""

    ids: tuple[int, ...] = ()
    as_of: datetime | None = None


class MirrorQueries(Protocol):
    """What the phases read of the mirror, on a handle of their own."""

    def known_products(self) -> tuple[int, ...] | None:
        """The ids in the mirror; None if the list was never fetched."""

    def sections_of(self, product_id: int) -> Sections:
        """The sections of a product, as far as the mirror knows."""

    def placed_features(self, product_id: int) -> Mapping[int, bool]:
        """The features that are there, and whether it is known in which sections each stands."""

    def cursor(self, product_id: int, kind: Kind) -> CursorState:
        """What earlier listings came to."""

    def holes(self, product_id: int, now: datetime) -> tuple[tuple[HoleRecord, bool], ...]:
        """The open holes in a product's tests, each with whether it is due to be tried again."""

    def known_tests(self, product_id: int, hashes: Mapping[int, str]) -> frozenset[int]:
        """Those of these tests that a finished listing has confirmed, with this very content."""

    def listed_in(self, product_id: int, listing: int) -> frozenset[int]:
        """The tests that a listing has stored."""

    def missing_tests(
        self, product_id: int, listing: int, seen: Set[int], since: datetime | None
    ) -> tuple[tuple[int, ...], int]:
        """The tests that are there, but neither in a listing nor `seen`; and how many are there.

        `since`: only those that end at or after it count.
        """

    def unchecked_tests(self, product_id: int, since: datetime | None) -> tuple[int, ...]:
        """Tests that the last full listing lacked and that nobody has looked for since."""

    def open_tests(self, product_id: int) -> tuple[int, ...]:
        """The tests that are there and can still change."""

    def fresh(self, run_id: int) -> MirrorQueries:
        """The same, of what this run has built anew so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePlan:
    """How the daemon ticks. Seconds; `jitter` gives each tick's delay behind the grid.

    `paused`: it starts paused, until `paused_until` or until somebody resumes.
    """

    interval_seconds: float
    startup_run: bool
    jitter: Callable[[], float] = lambda: 0.0
    paused: bool = False
    paused_until: datetime | None = None

    def starting(self, clock: Clock) -> Schedule:
        """The schedule of a daemon that starts now."""
        now = clock.elapsed()
        schedule = Schedule.starting(now=now, interval=self.interval_seconds)
        if not self.paused:
            return schedule
        if self.paused_until is None:
            return schedule.pause()
        return schedule.pause(now + (self.paused_until - clock.now()).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """One system's parts. Without a `schedule` there is no Scheduler: runs are asked for.

    `tick_request` gives what a tick asks for, as things are configured then. `pulse_seconds`
    None: only the test that holds the clock beats the heart. Without `fresh` there are no fresh
    starts. `product_name` tells names for the log, from any thread.
    """

    client: RemoteClient
    mirror: MirrorStore
    events: EventStore
    queries: MirrorQueries
    next_run_id: int
    workers: int
    schedule: SchedulePlan | None = None
    tick_request: Callable[[], RunRequest] = lambda: RunRequest(trigger=Trigger.SCHEDULE)
    clock: Clock = field(default_factory=SystemClock)
    pulse_seconds: float | None = 1.0
    fresh: FreshStore | None = None
    account: AccountGuard = field(default_factory=AnyAccount)
    product_name: Callable[[int], str | None] = lambda _id: None
