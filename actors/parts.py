"""What the actor system is built from. Everything here can be replaced in a test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from actors.clock import Clock, SystemClock
from rules.events import Entry
from rules.listing import Window
from rules.model import RunRequest, Trigger
from rules.records import FeatureRecord, Page, ProductRecord, Stored, TestRecord
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
