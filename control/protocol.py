"""What goes over the control socket. Server and clients use these very types.

Replies to commands are idempotent words: asking again gives a word for "it is so already".
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)

from rules.admission import Admission
from rules.choices import HIGHEST_RATE, LONGEST_INTERVAL, LONGEST_PAUSE, MOST_CONNECTIONS
from rules.contradictions import contradiction
from rules.fetching import MAX_ENTITIES, FetchState
from rules.health import Check
from rules.instants import SINCE_EXPECTED, parse_since
from rules.model import BreakerState, ErrorKind, Kind, RunStatus, SyncPhase, Trigger

MAX_ID = 2**63 - 1
MAX_WAIT_SECONDS = 20
MAX_EVENTS = 1000

Seconds = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Id = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]


class NoSuchEntry(Exception):
    """What was named does not exist, or was decided otherwise; the text says which. A 404."""


class Refused(Exception):
    """What was asked for would make things worse; the text says why, and nothing changed. A 409."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


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
    """A text as `rules.instants` reads it; nothing in the future, which no test would match."""
    if isinstance(value, int | float):
        raise ValueError(f"expected {SINCE_EXPECTED}")
    now = datetime.now(UTC)
    instant = parse_since(value, now) if isinstance(value, str) else value
    if isinstance(instant, datetime) and instant.tzinfo is not None and instant > now:
        raise ValueError(f"is in the future: {instant.isoformat()}")
    return instant


class StartRunBody(_Body):
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


class StartRunReply(_Body):
    """What became of the request, and in which run; no run if the daemon is busy."""

    word: Admission
    run_id: int | None


class WordReply(_Body):
    """The answer to pause, resume, cancel and drain. `until`: when the pause ends by itself."""

    word: Word
    run_id: int | None = None
    until: datetime | None = None


class PauseBody(_Body):
    """`POST /v1/pause`. Absent `seconds`: until resumed."""

    seconds: Annotated[Seconds, Field(gt=0, le=LONGEST_PAUSE)] | None = None


class IntervalBody(_Body):
    """`POST /v1/interval`. 0: no periodic runs; null: as configured."""

    seconds: Annotated[Seconds, Field(ge=0, le=LONGEST_INTERVAL)] | None


class ConcurrencyBody(_Body):
    """`POST /v1/concurrency`. null: as configured."""

    requests: Annotated[int, Field(strict=True, ge=1, le=MOST_CONNECTIONS)] | None


class RateBody(_Body):
    """`POST /v1/rate`. 0: no limit; null: as configured."""

    per_second: Annotated[int, Field(strict=True, ge=0, le=HIGHEST_RATE)] | None


class ChoiceReply(_Body):
    """What is in force now, and what was before. `chosen` false: it is what is configured."""

    word: Word
    value: float
    before: float
    chosen: bool


class ReloadReply(_Body):
    """The names of settings that changed, and of those that change when the daemon restarts."""

    word: Word
    changed: list[str]
    needs_restart: list[str]


class ChoicesView(_Body):
    """What an operator has chosen at run time; null is as configured."""

    interval_seconds: float | None = None
    concurrency: int | None = None
    requests_per_second: int | None = None


class DecisionReply(_Body):
    """`POST /v1/deletions/{id}/accept` and `POST /v1/problems/{id}/clear`.

    `rows`: rows that were marked as deleted.
    """

    word: Word
    id: int
    product_id: int
    kind: Kind
    rows: int = 0


class RetryBody(_Body):
    """`POST /v1/problems/retry`. Absent `ids` mean every problem."""

    ids: list[Id] | None = Field(default=None, min_length=1, max_length=MAX_ENTITIES)


class RetryReply(_Body):
    """The open entries that are tried again, and the run that does it.

    `product_ids` null: the product list alone. `admission` is null where no run was asked for.
    """

    word: Word
    ids: list[int] = []
    phases: list[SyncPhase] = []
    product_ids: list[int] | None = None
    admission: Admission | None = None
    run_id: int | None = None


class ProblemView(_Body):
    """One failure of a run."""

    kind: ErrorKind
    message: str
    phase: SyncPhase | None = None
    product_id: int | None = None


class RunView(_Body):
    """`GET /v1/runs/{id}` and `testio-sync sync --json`: one run, ended or not."""

    run_id: int
    status: RunStatus
    trigger_source: Trigger
    phases_completed: list[SyncPhase] = []
    products_synced: int = 0
    features_refreshed: int = 0
    tests_discovered: int = 0
    tests_updated: int = 0
    duration_seconds: float | None = None
    warnings: list[str] = []
    errors: list[ProblemView] = []


class PhaseProgressView(_Body):
    """How far one phase is, in products; `total` is null until the phase has begun."""

    phase: SyncPhase
    total: int | None
    complete: int
    failed: int
    finished: bool


class RunProgressView(_Body):
    """How far the run at work is."""

    run_id: int
    trigger_source: Trigger
    started_at: datetime
    elapsed_seconds: float
    cancelling: bool
    phases: list[PhaseProgressView]


class WorkerView(_Body):
    """What one worker is doing. `pages` and `rows` of its product are stored already.

    `quiet_seconds`: for how long no page of it was stored.
    """

    role: str
    run_id: int
    phase: SyncPhase
    product_id: int
    pages: int
    rows: int
    seconds: float
    quiet_seconds: float


class RemoteView(_Body):
    """How the remote is asked. `results` counts attempts since the start, by `ok` or failure.

    `parked_seconds`: nobody sends for so long, because the remote asked for it. `breaker` is
    `open` while requests are held back because the whole remote fails.
    """

    results: dict[str, int]
    retries: int
    in_flight: int
    connections: int
    requests_per_second: int
    parked_seconds: float
    breaker: BreakerState
    open_seconds: float
    last_failure: str


class LogPlace(StrEnum):
    """What a daemon's log goes to."""

    FILE = "file"
    JOURNAL = "journal"
    USER_JOURNAL = "user-journal"
    TERMINAL = "terminal"
    PIPE = "pipe"
    NOWHERE = "nowhere"


class LogView(_Body):
    """Where a daemon's log goes. `name`: the path of a file or terminal, the unit of a journal."""

    place: LogPlace
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.place.value} {self.name}" if self.name else self.place.value

    @classmethod
    def of_text(cls, text: str) -> LogView:
        """From what `str` made of it. Raises ValueError."""
        place, _, name = text.partition(" ")
        return cls(place=LogPlace(place), name=name or None)


class DaemonView(_Body):
    """The daemon that answers, and where its log goes."""

    pid: int
    started_at: datetime
    version: str
    socket: str
    log: LogView | None = None


class StatusReply(_Body):
    """`GET /v1/status`: what only the living daemon knows. The rest is in the database.

    `trouble`: why the daemon cannot write what happens (a full disk, say), and for how long.
    `workers` are those at work, `mailboxes` how many messages wait for each actor.
    `paused_until` null while paused: until somebody resumes.
    """

    daemon: DaemonView
    current_run: RunProgressView | None
    queued_run_id: int | None
    trouble: str | None = None
    trouble_seconds: float = 0.0
    interval_seconds: float
    paused: bool
    paused_until: datetime | None = None
    next_run_at: datetime | None
    workers: list[WorkerView] = []
    mailboxes: dict[str, int] = {}
    remote: RemoteView
    choices: ChoicesView = ChoicesView()


class FindingView(_Body):
    """One thing that is not as it should be. `seconds`: for how long, null where unknown."""

    check: Check
    where: str
    seconds: float | None
    message: str
    advice: str


class HealthReply(_Body):
    """`GET /v1/health`: with status 200 if healthy, else with 503.

    `daemon` is null where the command line judges from the database alone.
    """

    healthy: bool
    reasons: list[FindingView]
    warnings: list[FindingView]
    at: datetime
    database: str
    daemon: DaemonView | None


Ids = Annotated[list[Id], Field(min_length=1, max_length=MAX_ENTITIES)]

FETCHED_BY: dict[Kind, tuple[str, ...]] = {
    Kind.PRODUCTS: (),
    Kind.FEATURES: ("product_ids",),
    Kind.TESTS: ("product_ids", "test_ids"),
    Kind.BUGS: ("test_ids",),
}
"""By which ids each kind is fetched; exactly one of them has to be given."""


class FetchBody(_Body):
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


class FetchedView(_Body):
    """What became of one id; the product list is 0. `pending`: ask again to hear its end."""

    id: int
    state: FetchState
    error: ErrorKind | None = None
    message: str = ""


class FetchReply(_Body):
    """The answer to a fetch, an entry for each id."""

    outcomes: list[FetchedView]


class EventsReply(_Body):
    """`GET /v1/events`: rows of `sync_events` in order, and the id to go on from."""

    events: list[dict[str, Any]]
    last_id: int


class ErrorReply(_Body):
    """Every answer outside 2xx: what was wrong, and what was expected."""

    error: str
