"""Every message of the system. Commands are imperative, facts are in the past tense.

Scheduler -- Tick --> Coordinator -- RunPhase --> phases -- SyncProduct --> workers
    -- StorePage --> MirrorWriter; the answers travel the same way back. Everything said about a run
carries its ticket or its id, everything about a product the number of the attempt, so that what
comes late from an ended run or a replaced worker is recognised and refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pykka

from actors.read_ahead import ReadAhead
from actors.written import Written
from rules.model import Counts, Outcome, Problem, RunRequest, SyncPhase, Trigger
from rules.records import Page, Stored
from rules.run.admission import Admission
from rules.run.progress import RunProgress
from rules.run.schedule import Schedule
from testio.limits import RequestScope

Ref = pykka.ActorRef[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTicket:
    """One run, as it travels in messages. `started` is on the clock of elapsed seconds.

    `staged`: what a fresh start has built; it counts as `written` once it is the mirror.
    """

    run_id: int
    request: RunRequest
    started_at: datetime
    started: float
    requests: RequestScope = field(default_factory=RequestScope)
    written: Written = field(default_factory=Written)
    staged: Written = field(default_factory=Written)

    @property
    def is_fresh_start(self) -> bool:
        """Whether the run builds the mirror anew, beside the old one."""
        return self.request.options.nuke

    @property
    def is_over(self) -> bool:
        """Whether the run has ended or is being cancelled: nothing of it is stored any more."""
        return self.requests.cancellation.cancelled


# -- to any actor ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Answer, to show that you are at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """Time has passed: look whether something is due."""


# -- to the Scheduler --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """The system is up: send the start-up tick, if one is wanted, and start counting."""

    startup_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Send no more ticks until then, or until told to resume."""

    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Send ticks again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetInterval:
    """Tick every so many seconds from now on; 0 means never."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSchedule:
    """Tell the schedule; the answer is a ScheduleState."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleState:
    """When the next tick will be sent, by the wall clock; None if none will."""

    interval_seconds: float
    paused: bool
    paused_until: datetime | None
    next_run_at: datetime | None


# -- to the Coordinator ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Start a full run, unless one is at work or waiting."""

    trigger: Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRun:
    """Start, join or queue a run; the answer is an Admitted."""

    request: RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """What becomes of a request, and in which run. `run_id` is None if busy."""

    word: Admission
    run_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRun:
    """End the run at work; the answer is its id. One that waits begins then."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelProduct:
    """Leave this product out of the rest of the run at work; the answer is the run's id.

    None if there is no run, or nothing is left of it that concerns the product.
    """

    product_id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetStatus:
    """Tell the run at work; the answer is a CoordinatorStatus."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinatorStatus:
    """The run at work and the id of the one that waits.

    `requests`: those of the run at work that have come back, answered or not.
    """

    current: RunProgress | None
    queued_run_id: int | None
    requests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Start nothing more and cancel the run at work; the answer is a future, set when idle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """A phase knows its products."""

    run_id: int
    phase: SyncPhase
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFinished:
    """Every product of a phase has come out. `problem`: why the phase could not even begin."""

    run_id: int
    phase: SyncPhase
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecorded:
    """The end of a run is on disk."""

    run_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshAdopted:
    """The fresh start is the mirror now; or it is not, for a `problem`."""

    run_id: int
    problem: Problem | None = None


# -- to the phases -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPhase:
    """Carry your phase out for this run, but for the products `without`."""

    ticket: RunTicket
    without: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class DropProduct:
    """Leave this product out: cut it off if it is with a worker. It ends as skipped."""

    run_id: int
    product_id: int
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPhase:
    """Hand out no more products of this run; end as soon as those that are out are back."""

    run_id: int
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReplaced:
    """The worker at `index` died; whatever was with `lost_urn` is lost, and a new one is there."""

    index: int
    lost_urn: str
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerAdded:
    """There is one worker more, at `index`."""

    index: int


# -- to a ProductWorker ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncProduct:
    """Carry one product through one phase; ends in one ProductSynced or ProductFailed.

    `requests` is a part of the run's scope: it ends with the run, or before it for this product.
    `ahead`: where workers without a product read for those that have one.
    """

    ticket: RunTicket
    attempt: int
    phase: SyncPhase
    product_id: int
    requests: RequestScope
    reply_to: Ref
    ahead: ReadAhead | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinReadAhead:
    """No product is left for you: read ahead for those that others carry, until called back."""

    ticket: RunTicket
    phase: SyncPhase
    ahead: ReadAhead


@dataclass(frozen=True, slots=True, kw_only=True)
class PageStored:
    """The page is committed."""

    attempt: int
    stored: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRefused:
    """The page is not committed, and never will be."""

    attempt: int
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorLost:
    """That MirrorWriter died; pages it has not acknowledged are lost."""

    lost_urn: str


# -- from a ProductWorker to its phase, and on to the Coordinator ------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSynced:
    """The product was read to its end. `problem` says why it is only partial, if it is."""

    run_id: int
    attempt: int
    phase: SyncPhase
    product_id: int
    outcome: Outcome
    counts: Counts
    duration_seconds: float
    problem: Problem | None = None
    warning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFailed:
    """The product could not be read; what was stored of it stays. `outcome` failed or skipped.

    `counts` is None where nobody knows: the worker died.
    """

    run_id: int
    attempt: int
    phase: SyncPhase
    product_id: int
    problem: Problem
    duration_seconds: float
    outcome: Outcome = Outcome.FAILED
    counts: Counts | None = None


# -- to MirrorWriter and Logger ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePage:
    """Write one page, all or nothing, and acknowledge it to `reply_to`."""

    ticket: RunTicket
    attempt: int
    page: Page
    reply_to: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptFresh:
    """Put the run's fresh start in the old mirror's place; answered with a FreshAdopted."""

    ticket: RunTicket
    reply_to: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFresh:
    """Remove what the run has built; the old mirror stays."""

    ticket: RunTicket


@dataclass(frozen=True, slots=True, kw_only=True)
class Flush:
    """Write what stands in the queue of events."""


# -- to the Supervisor -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAll:
    """Start every actor and make sure that each answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmployWorkers:
    """Have at least so many workers; more than there are join the phase at work."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAll:
    """Stop every actor, in order, within `seconds`; the answer is a StopReport."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReport:
    """The roles left behind because they did not end in time, and how many events are lost."""

    abandoned: tuple[str, ...]
    unwritten: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorCrashed:
    """An actor met an exception that it does not handle, and ends."""

    urn: str
    role: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleChanged:
    """The Scheduler's state, kept for its replacement."""

    schedule: Schedule


SchedulerMessage = Ping | Beat | Begin | Pause | Resume | SetInterval | GetSchedule
CoordinatorMessage = (
    Ping
    | Tick
    | StartRun
    | CancelRun
    | CancelProduct
    | GetStatus
    | Drain
    | PhaseStarted
    | ProductSynced
    | ProductFailed
    | PhaseFinished
    | RunRecorded
    | FreshAdopted
    | MirrorLost
)
PhaseMessage = (
    Ping
    | RunPhase
    | EndPhase
    | DropProduct
    | WorkerReplaced
    | WorkerAdded
    | ProductSynced
    | ProductFailed
)
WorkerMessage = Ping | SyncProduct | JoinReadAhead | PageStored | PageRefused | MirrorLost
MirrorMessage = Ping | StorePage | AdoptFresh | DropFresh
LoggerMessage = Ping | Flush
SupervisorMessage = (
    Ping | Beat | StartAll | EmployWorkers | StopAll | ActorCrashed | ScheduleChanged
)
