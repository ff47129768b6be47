"""What the actor system is built from. Everything here can be replaced in a test."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from actors.clock import Clock, SystemClock
from rules.events import Entry
from rules.model import Kind, RunRequest, Trigger
from rules.planning import CursorState
from rules.records import FeatureRecord, HoleRecord, Page, ProductRecord, Stored, TestRecord
from rules.windows import Window
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
        self, product_id: int, window: Window, scope: RequestScope, *, patient: bool = True
    ) -> Rows[TestRecord]: ...

    def get_test(self, test_id: int, product_id: int | None, scope: RequestScope) -> TestRecord: ...

    def close(self) -> None: ...


class MirrorStore(Protocol):
    """Where Mirror writes; `storage.mirror_rows.MirrorRows` is the real one."""

    def store_page(self, page: Page, *, run_id: int, at: datetime) -> Stored: ...


class EventStore(Protocol):
    """Where Logger writes; `storage.sync_log.SyncLog` is the real one."""

    def write(self, entries: Sequence[Entry]) -> frozenset[int]:
        """Write all or nothing; returns the runs that these entries have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sections:
    """The ids of a product's sections, empty for one without; and as of when that was so."""

    ids: tuple[int, ...] = ()
    as_of: datetime | None = None


class ProductDirectory(Protocol):
    """What the phases read of the mirror, on a handle of their own."""

    def known_products(self) -> tuple[int, ...] | None:
        """The ids in the mirror; None if the list was never fetched."""

    def sections_of(self, product_id: int) -> Sections:
        """The sections of a product, as far as the mirror knows."""

    def cursor(self, product_id: int, kind: Kind) -> CursorState:
        """What earlier listings came to."""

    def holes(self, product_id: int, now: datetime) -> tuple[tuple[HoleRecord, bool], ...]:
        """The open holes in a product's tests, each with whether it is due to be tried again."""

    def known_tests(self, product_id: int, hashes: Mapping[int, str]) -> frozenset[int]:
        """Those of these tests that a finished listing has confirmed, with this very content."""

    def listed_in(self, product_id: int, listing: int) -> frozenset[int]:
        """The tests that a listing has stored."""

    def missing_tests(
        self, product_id: int, listing: int, seen: Collection[int], since: datetime | None
    ) -> tuple[tuple[int, ...], int]:
        """The tests that are there, but neither in a listing nor `seen`; and how many are there.

        `since`: only those that end at or after it count.
        """

    def unchecked_tests(self, product_id: int, since: datetime | None) -> tuple[int, ...]:
        """Tests that the last full listing lacked and that nobody has looked for since."""

    def open_tests(self, product_id: int) -> tuple[int, ...]:
        """The tests that are there and can still change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePlan:
    """How the daemon ticks. Seconds; `jitter` gives each tick's delay behind the grid."""

    interval_seconds: float
    startup_run: bool
    jitter: Callable[[], float] = lambda: 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One system's parts. Without a `schedule` there is no Scheduler: runs are asked for.

    `tick_request` is what each tick asks for. `pulse_seconds` None: only the
    test that holds the clock beats the heart.
    """

    client: RemoteClient
    mirror: MirrorStore
    events: EventStore
    directory: ProductDirectory
    next_run_id: int
    workers: int
    schedule: SchedulePlan | None = None
    tick_request: RunRequest = field(default_factory=lambda: RunRequest(trigger=Trigger.SCHEDULE))
    clock: Clock = field(default_factory=SystemClock)
    pulse_seconds: float | None = 0.5
