"""Takes every request for a run, and carries one run at a time through its phases in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import assert_never

import pykka

from actors.active_run import ActiveRun
from actors.base import Address, BaseActor
from actors.clock import Clock
from actors.event_queue import EventQueue
from actors.messages import (
    Admitted,
    AdoptFresh,
    CancelProduct,
    CancelRun,
    CoordinatorMessage,
    CoordinatorStatus,
    Drain,
    DropFresh,
    DropProduct,
    EndPhase,
    FreshAdopted,
    GetStatus,
    MirrorLost,
    PhaseFinished,
    PhaseStarted,
    Ping,
    ProductFailed,
    ProductSynced,
    RunPhase,
    RunRecorded,
    RunTicket,
    StartRun,
    Tick,
)
from actors.runs_taken_on import RunsTakenOn
from rules.model import (
    PRODUCT_LIST,
    ErrorKind,
    Outcome,
    Problem,
    RunRequest,
    RunStatus,
    SyncPhase,
    SyncResult,
    in_order,
)
from rules.run.admission import Admission, admit, merge
from rules.run.events import EventName, RunClosed, RunOpened, SyncEvent
from rules.run.outcome import END_THE_RUN


class Coordinator(BaseActor):
    """One of; runs on its own thread, and never waits: it answers in the middle of a run.

    Its crash fails the run at work and the one that waits; the Supervisor replaces it together
    with the phases and workers.
    """

    def __init__(
        self,
        *,
        supervisor: Address,
        phases: dict[SyncPhase, Address],
        mirror: Address,
        event_queue: EventQueue,
        clock: Clock,
        taken_on: RunsTakenOn,
        run_ids: Iterator[int],
        tick_request: Callable[[], RunRequest],
    ) -> None:
        """Ticks ask for `tick_request`. `run_ids` gives free ids.

        What is in `taken_on` is owed by whoever replaces this actor.
        """
        super().__init__(role="coordinator", supervisor=supervisor)
        self._phases = phases
        self._mirror = mirror
        self._event_queue = event_queue
        self._clock = clock
        self._taken_on = taken_on
        self._run_ids = run_ids
        self._tick_request = tick_request
        self._current: ActiveRun | None = None
        self._queued: tuple[int, RunRequest] | None = None
        self._drained: pykka.ThreadingFuture[bool] | None = None
        self._dropped: RunTicket | None = None

    def handle(self, message: CoordinatorMessage) -> object:
        """Dispatch by type."""
        match message:
            case Tick():
                self._tick(message)
            case StartRun():
                return self._admit(message.request)
            case CancelRun():
                return self._cancel(message.reason)
            case CancelProduct():
                return self._cancel_product(message)
            case GetStatus():
                return self._status()
            case Drain():
                return self._drain()
            case Ping():
                return True
            case MirrorLost():
                self._mirror_lost(message)
            case _:
                self._hear(message)
        return True

    def _hear(
        self,
        message: PhaseStarted
        | ProductSynced
        | ProductFailed
        | PhaseFinished
        | FreshAdopted
        | RunRecorded,
    ) -> None:
        """Facts about the run at work; those of an ended run are refused."""
        current = self._current
        if current is None or current.run_id != message.run_id:
            return
        match message:
            case PhaseStarted():
                current.totals[message.phase] = message.total
                current.tally.begin(message.phase)
            case ProductSynced() | ProductFailed():
                self._product_ended(current, message)
            case PhaseFinished():
                self._phase_finished(current, message)
            case FreshAdopted():
                self._fresh_adopted(current, message.problem)
            case RunRecorded():
                self._run_recorded(current)
            case _:
                assert_never(message)

    # -- requests ------------------------------------------------------------------------------

    def _tick(self, tick: Tick) -> None:
        if self._drained is not None:
            return
        if self._current is not None or self._queued is not None:
            reason = "a run is in progress" if self._current else "a run is waiting"
            detail = {"reason": reason, "trigger_source": tick.trigger.value}
            self._record(EventName.TICK_SKIPPED, self._current, detail)
            return
        self._start(self._new_id(), replace(self._tick_request(), trigger=tick.trigger))

    def _admit(self, request: RunRequest) -> Admitted:
        if self._drained is not None:
            return Admitted(word=Admission.BUSY, run_id=None)
        current = self._current
        word = admit(
            request,
            running=None if current is None else current.as_running(),
            queued=None if self._queued is None else self._queued[1],
        )
        return Admitted(word=word, run_id=self._take_on(word, request))

    def _take_on(self, word: Admission, request: RunRequest) -> int | None:
        match word:
            case Admission.STARTED:
                run_id = self._new_id()
                self._start(run_id, request)
                return run_id
            case Admission.JOINED:
                assert self._current is not None
                self._record(EventName.RUN_JOINED, self._current, _origin(request))
                return self._current.run_id
            case Admission.QUEUED:
                return self._queue(request)
            case Admission.BUSY:
                return None
            case _:
                assert_never(word)

    def _queue(self, request: RunRequest) -> int:
        if self._queued is not None:
            run_id, waiting = self._queued
            merged = merge(waiting, request)
            if merged != waiting:
                self._taken_on.take_on(self._ticket(run_id, merged), at_work=False)
                self._queued = (run_id, merged)
            return run_id
        run_id = self._new_id()
        self._taken_on.take_on(self._ticket(run_id, request), at_work=False)
        self._queued = (run_id, request)
        self._event_queue.record(
            SyncEvent(
                at=self._clock.now(),
                event=EventName.RUN_QUEUED,
                run_id=run_id,
                detail=_origin(request),
            )
        )
        return run_id

    def _cancel(self, reason: str) -> int | None:
        current = self._current
        if current is None:
            return None
        if not current.closing and current.ending is None:
            self._record(EventName.RUN_CANCEL_REQUESTED, current, {"reason": reason})
            self._end_early(current, Problem(kind=ErrorKind.CANCELLED, message=reason))
        return current.run_id

    def _cancel_product(self, message: CancelProduct) -> int | None:
        current = self._current
        if current is None or not current.concerns(message.product_id):
            return None
        detail = {"reason": message.reason, "product": message.product_id}
        self._record(EventName.RUN_CANCEL_REQUESTED, current, detail)
        current.left_out.add(message.product_id)
        drop = DropProduct(
            run_id=current.run_id,
            product_id=message.product_id,
            problem=Problem(kind=ErrorKind.CANCELLED, message=message.reason),
        )
        for address in self._phases.values():
            address.tell(drop)
        return current.run_id

    def _forget_queued(self, reason: str) -> None:
        """A run that never began ends as cancelled, so that who waits for it hears of it."""
        if self._queued is None:
            return
        (run_id, request), self._queued = self._queued, None
        problem = Problem(kind=ErrorKind.CANCELLED, message=reason)
        result = SyncResult(
            run_id=run_id,
            status=RunStatus.CANCELLED,
            trigger_source=request.trigger,
            errors=(problem,),
        )
        self._event_queue.record(RunClosed(at=self._clock.now(), request=request, result=result))
        self._taken_on.ended(run_id)

    def _drain(self) -> pykka.ThreadingFuture[bool]:
        if self._drained is None:
            self._drained = pykka.ThreadingFuture()
            self._forget_queued("the daemon is stopping")
            self._cancel("the daemon is stopping")
            self._tell_if_drained()
        return self._drained

    def _tell_if_drained(self) -> None:
        if self._drained is not None and self._current is None:
            self._drained.set(True)

    # -- the run at work -----------------------------------------------------------------------

    def _new_id(self) -> int:
        return next(self._run_ids)

    def _ticket(self, run_id: int, request: RunRequest) -> RunTicket:
        return RunTicket(
            run_id=run_id,
            request=request,
            started_at=self._clock.now(),
            started=self._clock.elapsed(),
        )

    def _start(self, run_id: int, request: RunRequest) -> None:
        ticket = self._ticket(run_id, request)
        self._taken_on.take_on(ticket, at_work=True)
        self._current = ActiveRun(ticket=ticket, ahead=list(in_order(request.phases)))
        if ticket.is_fresh_start:
            self._dropped = None
        self._event_queue.record(RunOpened(run_id=run_id, at=ticket.started_at, request=request))
        self._next_phase(self._current)

    def _next_phase(self, current: ActiveRun) -> None:
        if current.ahead and current.ending is None:
            phase = current.ahead.pop(0)
            order = RunPhase(ticket=current.ticket, without=frozenset(current.left_out))
            self._phases[phase].tell(order)
        elif current.ticket.is_fresh_start:
            self._settle_fresh_start(current)
        else:
            self._close(current)

    def _product_ended(self, current: ActiveRun, message: ProductSynced | ProductFailed) -> None:
        skipped = message.outcome is Outcome.SKIPPED
        current.tally.note(
            message.phase,
            message.product_id,
            message.outcome,
            problem=None if skipped else message.problem,
        )
        if isinstance(message, ProductSynced) and message.warning is not None:
            current.tally.warnings.append(f"product {message.product_id}: {message.warning}")
        problem = message.problem
        if problem is not None and problem.kind in END_THE_RUN and current.ending is None:
            self._end_early(current, problem)

    def _end_early(self, current: ActiveRun, problem: Problem) -> None:
        """Hand out nothing more, and cut what is under way."""
        current.ending = problem
        current.ticket.requests.cancellation.cancel()
        for address in self._phases.values():
            address.tell(EndPhase(run_id=current.run_id, problem=problem))

    def _phase_finished(self, current: ActiveRun, message: PhaseFinished) -> None:
        current.finished.add(message.phase)
        if message.problem is not None:
            current.tally.note(message.phase, PRODUCT_LIST, Outcome.FAILED, problem=message.problem)
        self._next_phase(current)

    # -- the end of a fresh start --------------------------------------------------------------

    def _settle_fresh_start(self, current: ActiveRun) -> None:
        """Have it put in place, if all of it could be read; from here on it cannot be cancelled."""
        current.closing = True
        if current.is_fit_to_replace:
            order = AdoptFresh(ticket=current.ticket, reply_to=self.actor_ref)
            current.adopted_by = self._mirror.tell(order)
            if current.adopted_by is None:
                self._fresh_adopted(current, WRITER_GONE)
            return
        self._drop(current.ticket)
        problems = [current.ending, *current.tally.problems, NOT_READ]
        self._keep_old_mirror(current, next(p for p in problems if p is not None))
        self._close(current)

    def _mirror_lost(self, message: MirrorLost) -> None:
        current = self._current
        if current is not None and current.adopted_by == message.lost_urn:
            self._fresh_adopted(current, WRITER_GONE)
        elif self._dropped is not None:
            self._drop(self._dropped)  # who was told before may not have come to it

    def _drop(self, ticket: RunTicket) -> None:
        """Have removed what a fresh start has built, until another one begins."""
        self._dropped = ticket
        self._mirror.tell(DropFresh(ticket=ticket))

    def _fresh_adopted(self, current: ActiveRun, problem: Problem | None) -> None:
        current.adopted_by = None
        if problem is not None:
            self._drop(current.ticket)
            self._keep_old_mirror(current, problem)
        self._close(current)

    def _keep_old_mirror(self, current: ActiveRun, why: Problem) -> None:
        message = f"the fresh start was given up and the old mirror kept: {why}"
        current.kept = Problem(kind=why.kind, message=message)

    def _close(self, current: ActiveRun) -> None:
        current.closing = True
        current.ticket.requests.cancellation.cancel()
        result = current.result(self._clock.elapsed())
        self._event_queue.record(
            RunClosed(at=self._clock.now(), request=current.ticket.request, result=result)
        )

    def _run_recorded(self, current: ActiveRun) -> None:
        self._taken_on.ended(current.run_id)
        self._current = None
        if self._queued is not None:
            (run_id, request), self._queued = self._queued, None
            self._start(run_id, request)
        self._tell_if_drained()

    # -- answers -------------------------------------------------------------------------------

    def _status(self) -> CoordinatorStatus:
        current = self._current
        return CoordinatorStatus(
            current=None if current is None else current.progress(self._clock.elapsed()),
            queued_run_id=None if self._queued is None else self._queued[0],
            requests=0 if current is None else current.ticket.requests.attempts.ended,
        )

    def _record(
        self, event: EventName, current: ActiveRun | None, detail: Mapping[str, object]
    ) -> None:
        run_id = None if current is None else current.run_id
        self._event_queue.record(
            SyncEvent(at=self._clock.now(), event=event, run_id=run_id, detail=detail)
        )


WRITER_GONE = Problem(kind=ErrorKind.CRASHED, message="the mirror's writer crashed")
NOT_READ = Problem(kind=ErrorKind.UNCONFIRMED, message="not every product could be read")


def _origin(request: RunRequest) -> dict[str, object]:
    return {"trigger_source": request.trigger.value}
