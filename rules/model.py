"""The vocabulary of a sync: phases, triggers, outcomes, what was asked for and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

PRODUCT_LIST = 0
"""Stands where a product id is expected when the list of products itself is meant."""


class Kind(StrEnum):
    """What a cursor, a table or a listing holds."""

    PRODUCTS = "products"
    FEATURES = "features"
    TESTS = "tests"
    BUGS = "bugs"


class SyncPhase(StrEnum):
    """One step of a run. The declaration order is the order in which phases run (rule 1)."""

    PRODUCTS = "products"
    FEATURES = "features"
    NEW_TESTS = "new_tests"

    @property
    def kind(self) -> Kind:
        """The kind of rows this phase mirrors."""
        return Kind.TESTS if self is SyncPhase.NEW_TESTS else Kind(self.value)


ALL_PHASES = tuple(SyncPhase)


def in_order(phases: tuple[SyncPhase, ...]) -> tuple[SyncPhase, ...]:
    """The same phases, each once, in the order in which they must run."""
    return tuple(phase for phase in SyncPhase if phase in phases)


class Trigger(StrEnum):
    """Who asked for a run."""

    STARTUP = "startup"
    SCHEDULE = "schedule"
    CLI = "cli"
    API = "api"


class RunStatus(StrEnum):
    """Where a run stands. All but RUNNING are final (rule 11)."""

    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL = "partial"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Outcome(StrEnum):
    """How one product came out of one phase."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"
    SKIPPED = "skipped"


class BreakerState(StrEnum):
    """Whether requests are let through, or held back because the whole remote fails."""

    CLOSED = "closed"
    OPEN = "open"


class ErrorKind(StrEnum):
    """The type of a failure. Decisions are made on it, never on an error's text (rule 12)."""

    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    BAD_PAYLOAD = "bad_payload"
    REFUSED = "refused"
    BAD_ROWS = "bad_rows"
    LIST_MOVED = "list_moved"
    HOLES = "holes"
    HELD = "held"
    UNCONFIRMED = "unconfirmed"
    NEVER_LISTED = "never_listed"
    WRONG_ACCOUNT = "wrong_account"
    CANCELLED = "cancelled"
    CRASHED = "crashed"
    STORAGE = "storage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One failure, named so that a person can act on it.

    `phase` and `product_id` are left empty where the failure belongs to the whole run.
    """

    kind: ErrorKind
    message: str
    phase: SyncPhase | None = None
    product_id: int | None = None

    def __str__(self) -> str:
        place = [] if self.product_id is None else [f"product {self.product_id}"]
        place += [] if self.phase is None else [self.phase.value]
        return f"{', '.join(place)}: {self.message}" if place else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What happened to rows. All are numbers of rows; they are true, or they are not given."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    revived: int = 0
    gone: int = 0
    quarantined: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            revived=self.revived + other.revived,
            gone=self.gone + other.gone,
            quarantined=self.quarantined + other.quarantined,
        )

    @property
    def seen(self) -> int:
        """Rows that the remote listed and that were stored or confirmed."""
        return self.new + self.changed + self.unchanged + self.revived


NOTHING = Counts()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncScope:
    """Which products a run is about. `product_ids` None means every product of the account."""

    product_ids: frozenset[int] | None = None

    def covers(self, other: SyncScope) -> bool:
        """Whether every product of `other` is in this scope too."""
        if self.product_ids is None:
            return True
        return other.product_ids is not None and other.product_ids <= self.product_ids

    def union(self, other: SyncScope) -> SyncScope:
        """The smallest scope that covers both."""
        if self.product_ids is None or other.product_ids is None:
            return SyncScope()
        return SyncScope(product_ids=self.product_ids | other.product_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """How a run works.

    `mirror_since`: only tests that end at or after this instant are mirrored; None means all of
    them. The cursor then claims completeness from there on only (rule 14).
    `reconcile_seconds`: how old a product's last full listing may get before the next one.
    `since`: only for this run, list tests that end at or after this instant; moves no cursor.
    `force`: list everything in full, now. `incremental_only`: list nothing in full.
    `refresh_mutable`: fetch tests one by one that can still change and were not listed.
    `nuke`: build the mirror anew beside the old one, then put it in its place (rule 16).
    """

    mirror_since: datetime | None = None
    reconcile_seconds: float = 86_400.0
    since: datetime | None = None
    force: bool = False
    incremental_only: bool = False
    refresh_mutable: bool = False
    nuke: bool = False

    @property
    def is_alone(self) -> bool:
        """Whether such a run waits alone: nothing is merged into it (rule 2)."""
        return self.force or self.nuke


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One request for a run, from whatever trigger."""

    trigger: Trigger
    phases: tuple[SyncPhase, ...] = ALL_PHASES
    scope: SyncScope = field(default_factory=SyncScope)
    options: SyncOptions = field(default_factory=SyncOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """What a run came to.

    `products_synced`: products that are complete in every phase of the run (where only the
    product list was asked for: the products it holds). `features_refreshed`: features that the
    remote listed. `tests_discovered` and `tests_updated`: new and changed tests.
    """

    run_id: int
    status: RunStatus
    trigger_source: Trigger
    phases_completed: tuple[SyncPhase, ...] = ()
    products_synced: int = 0
    products_failed: int = 0
    features_refreshed: int = 0
    tests_discovered: int = 0
    tests_updated: int = 0
    duration_seconds: float = 0.0
    counts: Mapping[Kind, Counts] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    errors: tuple[Problem, ...] = ()
