"""What goes over the control socket. Server and clients use these very types.

Replies to commands are idempotent words: asking again gives a word for "it is so already".
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    StrictBool,
    model_validator,
)

from control.body import Body
from rules.mirror.fetching import MAX_ENTITIES, FetchState
from rules.model import ErrorKind, Kind, Problem, RunStatus, SyncPhase, Trigger
from rules.run.admission import Admission
from rules.run.option_conflicts import contradiction
from rules.run.runtime_overrides import (
    HIGHEST_RATE,
    LONGEST_INTERVAL,
    LONGEST_PAUSE,
    MOST_CONNECTIONS,
)
from rules.text.instants import SINCE_EXPECTED, parse_since

MAX_ID = 2**63 - 1
DATABASE_HEADER = "Testio-Database"
"""Names the database that a request is meant for: `device:inode` of its file, or NO_DATABASE."""
NO_DATABASE = "none"
"""There is no such file yet, so no daemon has it."""
MAX_WAIT_SECONDS = 20
MAX_EVENTS = 1000

Seconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Id = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]


class Word(StrEnum):
    """The answer to a command that has nothing else to tell."""

    PAUSED = "paused"
    ALREADY_PAUSED = "already_paused"
    RESUMED = "resumed"
    NOT_PAUSED = "not_paused"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    RELOADED = "reloaded"
    CANCELLING = "cancelling"
    NOTHING_TO_CANCEL = "nothing_to_cancel"
    STOPPING = "stopping"
    ACCEPTED = "accepted"
    ALREADY_ACCEPTED = "already_accepted"
    CLEARED = "cleared"
    ALREADY_CLEARED = "already_cleared"
    RETRYING = "retrying"
    NOTHING_TO_RETRY = "nothing_to_retry"


def _since(value: object) -> object:
    """A text as `instants` reads it; nothing in the future, which no test would match."""
    if isinstance(value, int | float):
        raise ValueError(f"expected {SINCE_EXPECTED}")
    now = datetime.now(UTC)
    instant = parse_since(value, now) if isinstance(value, str) else value
    if isinstance(instant, datetime) and instant.tzinfo is not None and instant > now:
        raise ValueError(f"is in the future: {instant.isoformat()}")
    return instant


class StartRunBody(Body):
    """`POST /v1/runs`. Absent `phases` and `product_ids` mean all of them.

    The options are those of `testio-sync sync`; what contradicts itself is refused.
    """

    phases: list[SyncPhase] | None = Field(default=None, min_length=1)
    product_ids: list[Id] | None = Field(default=None, min_length=1, max_length=MAX_ENTITIES)
    trigger_source: Literal[Trigger.CLI, Trigger.API] = Trigger.API
    since: Annotated[AwareDatetime | None, BeforeValidator(_since)] = None
    force: StrictBool = False
    incremental_only: StrictBool = False
    refresh_mutable: StrictBool = False
    nuke: StrictBool = False

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        wrong = contradiction(self.given)
        if wrong is not None:
            raise ValueError(wrong)
        return self

    @property
    def given(self) -> frozenset[str]:
        """The names of what was asked for, beyond the default."""
        return frozenset(name for name, value in self if value not in (None, False))


class StartRunReply(Body):
    """What became of the request, and in which run; no run if the daemon is busy."""

    word: Admission
    run_id: int | None


class WordReply(Body):
    """The answer to pause, resume, cancel and drain. `until`: when the pause ends by itself."""

    word: Word
    run_id: int | None = None
    until: datetime | None = None


class PauseBody(Body):
    """`POST /v1/pause`. Absent `seconds`: until resumed."""

    seconds: Annotated[Seconds, Field(gt=0, le=LONGEST_PAUSE)] | None = None


class IntervalBody(Body):
    """`POST /v1/interval`. 0: no periodic runs; null: as configured."""

    seconds: Annotated[Seconds, Field(ge=0, le=LONGEST_INTERVAL)] | None


class ConcurrencyBody(Body):
    """`POST /v1/concurrency`. null: as configured."""

    requests: Annotated[int, Field(strict=True, ge=1, le=MOST_CONNECTIONS)] | None


class RateBody(Body):
    """`POST /v1/rate`. 0: no limit; null: as configured."""

    per_second: Annotated[int, Field(strict=True, ge=0, le=HIGHEST_RATE)] | None


class ChoiceReply(Body):
    """What is in force now, and what was before. `chosen` false: it is what is configured."""

    word: Word
    value: float
    before: float
    chosen: bool


class ReloadReply(Body):
    """The names of settings that changed, and of those that change when the daemon restarts."""

    word: Word
    changed: list[str]
    needs_restart: list[str]


class DecisionReply(Body):
    """`POST /v1/deletions/{id}/accept` and `POST /v1/problems/{id}/clear`.

    `rows`: rows that were marked as deleted.
    """

    word: Word
    id: int
    product_id: int
    kind: Kind
    rows: int = 0


class RetryBody(Body):
    """`POST /v1/problems/retry`. Absent `ids` mean every problem."""

    ids: list[Id] | None = Field(default=None, min_length=1, max_length=MAX_ENTITIES)


class RetryReply(Body):
    """The open entries that are tried again, and the run that does it.

    `product_ids` null: the product list alone. `admission` is null where no run was asked for.
    """

    word: Word
    ids: list[int] = Field(default=[])
    phases: list[SyncPhase] = Field(default=[])
    product_ids: list[int] | None = None
    admission: Admission | None = None
    run_id: int | None = None


class RunView(Body):
    """`GET /v1/runs/{id}` and `testio-sync sync --json`: one run, ended or not."""

    run_id: int
    status: RunStatus
    trigger_source: Trigger
    phases_completed: list[SyncPhase] = Field(default=[])
    products_synced: int = 0
    features_refreshed: int = 0
    tests_discovered: int = 0
    tests_updated: int = 0
    duration_seconds: float | None = None
    warnings: list[str] = Field(default=[])
    errors: list[Problem] = Field(default=[])


Ids = Annotated[list[Id], Field(min_length=1, max_length=MAX_ENTITIES)]

FETCHED_BY: dict[Kind, tuple[str, ...]] = {
    Kind.PRODUCTS: (),
    Kind.FEATURES: ("product_ids",),
    Kind.TESTS: ("product_ids", "test_ids"),
    Kind.BUGS: ("test_ids",),
}
"""By which ids each kind is fetched; exactly one of them has to be given."""


class FetchBody(Body):
    """`POST /v1/fetch`. What is known as of `not_before` or later is not fetched."""

    kind: Kind
    product_ids: Ids | None = None
    test_ids: Ids | None = None
    not_before: AwareDatetime

    @model_validator(mode="after")
    def _by_the_right_ids(self) -> Self:
        given = [name for name in ("product_ids", "test_ids") if getattr(self, name) is not None]
        allowed = FETCHED_BY[self.kind]
        if len(given) != min(1, len(allowed)) or not set(given) <= set(allowed):
            by = " or ".join(allowed) or "no ids"
            raise ValueError(f"{self.kind.value} are fetched by {by}, got {given or 'none'}")
        return self


class FetchedView(Body):
    """What became of one id; the product list is 0. `pending`: ask again to hear its end."""

    id: int
    state: FetchState
    error: ErrorKind | None = None
    message: str = ""


class FetchReply(Body):
    """The answer to a fetch, an entry for each id."""

    outcomes: list[FetchedView]


class EventsReply(Body):
    """`GET /v1/events`: rows of `sync_events` in order, and the id to go on from."""

    events: list[dict[str, Any]]
    last_id: int


class ErrorReply(Body):
    """Every answer outside 2xx: what was wrong, and what was expected."""

    error: str
