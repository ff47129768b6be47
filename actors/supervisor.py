"""Starts, watches, replaces and stops all other actors; does no work of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import assert_never

import pykka
import structlog

from actors.base import Address, BaseActor, NoAnswer, crash_text
from actors.messages import (
    ActorCrashed,
    Beat,
    Drain,
    DropFresh,
    EmployWorkers,
    Flush,
    MirrorLost,
    Ping,
    Ref,
    ScheduleChanged,
    StartAll,
    StopAll,
    StopReport,
    SupervisorMessage,
    WorkerAdded,
    WorkerReplaced,
)
from actors.runs_taken_on import RunsTakenOn, TakenOn
from actors.wiring import Wiring
from config.threads import NoThread
from rules.model import ErrorKind, Problem, RunStatus, SyncResult
from rules.run.events import EventName, RunClosed, SyncEvent
from rules.run.restarts import RestartBudget
from rules.run.schedule import Schedule

log = structlog.get_logger(__name__)

AT_EACH_BEAT = "the role stays empty; each beat tries again"
PING_SECONDS = 5.0
SWEEP_SECONDS = 0.1
LATE = Problem(kind=ErrorKind.CANCELLED, message="the daemon stopped before the run ended")


class Supervisor(BaseActor):
    """One of; runs on its own thread. It may wait for those below it, never the other way round.

    A worker's death costs one product and is no reason to give up. A death of the Coordinator or
    a phase fails the runs taken on, and all that works for a run is replaced. Too many
    replacements end the daemon: the runs are failed, those who decide are dismissed, and `give_up`
    is called once, with the reason, after the Logger was told to write it. The Supervisor's own
    crash is given up on at once. A role for which there is no thread stays empty, and each beat
    tries again.
    """

    def __init__(self, *, wiring: Wiring, give_up: Callable[[str], None]) -> None:
        super().__init__(role="supervisor", supervisor=wiring.supervisor)
        self._wiring = wiring
        self._event_queue = wiring.event_queue
        self._clock = wiring.ports.clock
        self._give_up_call = give_up
        self._gave_up = False
        self._ending = False
        self._budget = RestartBudget()
        self._taken_on = RunsTakenOn()  # by the Coordinator that is there now
        plan = wiring.ports.schedule
        self._schedule = (
            Schedule.starting(now=0.0, interval=0.0) if plan is None else plan.starting(self._clock)
        )
        self._worker_index = wiring.worker_index
        self._makers = wiring.makers(
            schedule=lambda: self._schedule, taken_on=lambda: self._taken_on
        )
        everyone = (wiring.logger, wiring.mirror, *wiring.crew, wiring.scheduler)
        self._addresses = {a.role: a for a in everyone if a.role in self._makers}
        self._empty: dict[str, Callable[[], None]] = {}  # and what is to be said when it is filled

    def handle(self, message: SupervisorMessage) -> object:
        """Dispatch by type."""
        match message:
            case StartAll():
                return self._start_all()
            case EmployWorkers():
                self._employ(message.count)
            case StopAll():
                return self._stop_all(message.seconds)
            case Beat():
                self._beat()
            case ActorCrashed():
                self._lost(message.role, message.urn, message.error)
            case ScheduleChanged():
                self._schedule = message.schedule
            case Ping():
                pass
            case _:
                assert_never(message)
        return True

    def report_crash(self, error: BaseException) -> None:
        """Nobody watches the watcher but the one who started it."""
        self._give_up(f"the supervisor crashed: {crash_text(error)}")

    # -- start ---------------------------------------------------------------------------------

    def _start_all(self) -> bool:
        """Whether all are there, but for workers."""
        for role in self._makers:
            if not self._start(role) and role not in self._worker_index:
                return False
        for role, address in self._addresses.items():
            if role not in self._empty:
                address.ask(Ping(), timeout=PING_SECONDS, again=False)
        return True

    def _employ(self, count: int) -> None:
        """Start the workers that are lacking; none is dismissed, the client holds them back."""
        while len(self._wiring.workers) < count:
            index, address, make = self._wiring.add_worker()
            self._worker_index[address.role] = index
            self._makers[address.role] = make
            self._addresses[address.role] = address
            self._start(address.role)

    def _welcome(self, role: str) -> None:
        """What is said of one that is there for the first time, or again after all were gone."""
        if role in self._worker_index:
            added = WorkerAdded(index=self._worker_index[role])
            self._tell(self._wiring.phases.values(), added)

    def _start(self, role: str, then: Callable[[], None] | None = None) -> bool:
        """Fill a role, and say so by `then`; False where there is no thread for it."""
        then = then or partial(self._welcome, role)
        try:
            self._refuse_without_phases(role)
            ref = self._makers[role]()
        except NoThread as error:
            if role not in self._empty:
                log.error("actor_not_started", role=role, error=str(error), advice=AT_EACH_BEAT)
            self._empty[role] = then
            self._addresses[role].bind(None, because=str(error))
            return False
        self._empty.pop(role, None)
        self._addresses[role].bind(ref)
        then()
        return True

    def _refuse_without_phases(self, role: str) -> None:
        """A Coordinator would begin a run, and a phase that is not there would never end."""
        phases = self._wiring.phases.values()
        if role == "coordinator" and any(phase.role in self._empty for phase in phases):
            raise NoThread

    # -- watch ---------------------------------------------------------------------------------

    def _beat(self) -> None:
        """Find the dead that nobody reported, and have the Logger try again what it could not."""
        if self._ending:
            return
        for role, address in self._addresses.items():
            ref = address.ref
            if ref is not None and not ref.is_alive():
                self._lost(role, ref.actor_urn, "the actor was stopped")
        self._fill()
        if len(self._event_queue):
            self._wiring.logger.tell(Flush())

    def _fill(self) -> None:
        """Try again what had no thread: phases before the Coordinator, as they are made."""
        if self._gave_up:
            return
        for role in [role for role in self._makers if role in self._empty]:
            if self._start(role, self._empty[role]):
                log.info("actor_started", role=role)

    def _lost(self, role: str, urn: str, error: str) -> None:
        ref = self._addresses[role].ref
        if self._gave_up or self._ending or ref is None or ref.actor_urn != urn:
            return  # replaced already
        problem = Problem(kind=ErrorKind.CRASHED, message=f"{role} crashed: {error}")
        self._note(EventName.ACTOR_CRASHED, role, problem)
        if role not in self._worker_index and not self._may_replace(problem):
            return
        self._replace(role, urn, problem)
        note = partial(self._note, EventName.ACTOR_REPLACED, role)
        if role in self._empty:
            self._empty[role] = _both(self._empty[role], note)
        else:
            note()

    def _may_replace(self, problem: Problem) -> bool:
        exceeded = self._budget.spend(self._clock.elapsed())
        if exceeded is None:
            return True
        self._fail_runs(self._dismiss_deciders(), problem)
        self._give_up(
            f"{problem.message}; more than {exceeded.restarts} restarts "
            f"in {exceeded.seconds:g} s are too many"
        )
        return False

    def _give_up(self, reason: str) -> None:
        if self._gave_up:
            return
        self._gave_up = True
        self._give_up_call(reason)
        problem = Problem(kind=ErrorKind.CRASHED, message=reason)
        self._note(EventName.DAEMON_GAVE_UP, "supervisor", problem)

    # -- replace -------------------------------------------------------------------------------

    def _replace(self, role: str, urn: str, problem: Problem) -> None:
        """Have another one there, and say so; what was lost is said at once, though none is."""
        if role in self._worker_index:
            index = self._worker_index[role]
            replaced = WorkerReplaced(index=index, lost_urn=urn, problem=problem)
            say = partial(self._tell, self._wiring.phases.values(), replaced)
        elif role == "mirror":
            who_waits = (*self._wiring.workers, self._wiring.coordinator)
            say = partial(self._tell, who_waits, MirrorLost(lost_urn=urn))
        elif role == "logger":
            say = partial(self._tell, (self._wiring.logger,), Flush())
        elif role == "scheduler":
            say = partial(self._tell, (), None)
        else:
            self._replace_crew(problem)
            return
        if not self._start(role, say):
            say()

    def _replace_crew(self, problem: Problem) -> None:
        """Fail the runs taken on, and start all that works for a run anew, with fresh refs."""
        workers = [address.ref for address in self._wiring.workers]
        for address in self._wiring.workers:
            address.bind(None)
        left = self._dismiss_deciders()
        for ref in workers:
            if ref is not None:
                ref.stop(block=False)
        self._fail_runs(left, problem)
        for address in self._wiring.crew:
            self._start(address.role)

    def _dismiss_deciders(self) -> tuple[TakenOn, ...]:
        """Stop the Coordinator and the phases; returns the runs that they leave behind.

        They lose their addresses first and are waited for, so that one that is still alive cannot
        set others to work, nor say anything of a run whose end is written.
        """
        self._taken_on.cancel()
        deciders = (*self._wiring.phases.values(), self._wiring.coordinator)
        refs = [address.ref for address in deciders]
        for address in deciders:
            address.bind(None)
        _stop_refs([ref for ref in refs if ref is not None], within=1.0)
        left, self._taken_on = self._taken_on.close(), RunsTakenOn()
        return left

    def _fail_runs(
        self, left: Iterable[TakenOn], problem: Problem, status: RunStatus = RunStatus.FAILED
    ) -> None:
        """End runs that nobody works for any more; what they have written stays and is counted."""
        for run in left:
            run.ticket.requests.cancellation.cancel()
            if run.ticket.is_fresh_start:
                self._wiring.mirror.tell(DropFresh(ticket=run.ticket))
            if self._wiring.results.wait(run.ticket.run_id, timeout=0) is None:
                self._event_queue.record(self._closed(run, problem, status))

    def _closed(self, run: TakenOn, problem: Problem, status: RunStatus) -> RunClosed:
        ticket = run.ticket
        lasted = self._clock.elapsed() - ticket.started if run.at_work else 0.0
        result = SyncResult(
            run_id=ticket.run_id,
            status=status,
            trigger_source=ticket.request.trigger,
            duration_seconds=lasted,
            counts=ticket.written.by_kind(),
            errors=(problem,),
        )
        return RunClosed(at=self._clock.now(), request=ticket.request, result=result)

    def _tell(self, addresses: Iterable[Address], message: object) -> None:
        for address in addresses:
            address.tell(message)

    def _note(self, event: EventName, role: str, problem: Problem | None = None) -> None:
        self._event_queue.record(
            SyncEvent(at=self._clock.now(), event=event, problem=problem, detail={"role": role})
        )

    # -- stop ----------------------------------------------------------------------------------

    def _stop_all(self, seconds: float) -> StopReport:
        """No more ticks; the run ends; then workers, phases, Coordinator, writer, Logger."""
        wiring = self._wiring
        give_up_at = time.monotonic() + seconds
        abandoned = self._stop_group([wiring.scheduler], within=0.5)
        wiring.scheduler.bind(None)
        if not self._gave_up:  # else the runs have been failed, and nobody replaces the dead
            self._drain(within=max(0.0, seconds - 3.0))
        self._ending = True  # from here on the dead are not replaced: a beat may still be waiting
        self._taken_on.cancel()
        abandoned += self._stop_group(wiring.crew, within=_most(1.5, give_up_at))
        # After those who say something of a run, before the writer, who drops what it staged.
        self._fail_runs(self._taken_on.close(), LATE, RunStatus.CANCELLED)
        abandoned += self._stop_group([wiring.mirror], within=_most(0.5, give_up_at))
        wiring.logger.tell(Flush())
        within = max(0.5, give_up_at - time.monotonic())
        abandoned += self._stop_group([wiring.logger], within=within)
        if len(self._event_queue):
            log.error("events_lost_at_stop", waiting=len(self._event_queue))
        return StopReport(abandoned=tuple(abandoned), unwritten=len(self._event_queue))

    def _drain(self, *, within: float) -> None:
        """Wait until the run at work has ended and that is on disk; still replacing the dead."""
        if self._gave_up:
            return  # the runs were failed, and nobody is there to be asked
        give_up_at = time.monotonic() + within
        while time.monotonic() < give_up_at:
            try:
                drained = self._wiring.coordinator.ask(Drain(), timeout=1.0, again=False)
                drained.get(timeout=SWEEP_SECONDS)
            except (NoAnswer, pykka.Timeout):
                self._beat()
            else:
                return
        log.error("run_not_drained", waited_seconds=within)

    def _stop_group(self, addresses: Iterable[Address], *, within: float) -> list[str]:
        """Stop these side by side; returns the roles that did not end in time."""
        found = [(address.role, address.ref) for address in addresses]
        refs = {ref.actor_urn: role for role, ref in found if ref is not None}
        late = _stop_refs([ref for _, ref in found if ref is not None], within=within)
        return [refs[urn] for urn in late]


def _most(seconds: float, give_up_at: float) -> float:
    """So long at most, and half a second before the end is kept for the Logger."""
    return max(0.1, min(seconds, give_up_at - 0.5 - time.monotonic()))


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        first()
        second()

    return both


def _stop_refs(refs: Iterable[Ref], *, within: float) -> list[str]:
    """Stop actors side by side; returns the urns of those that did not end in time."""
    give_up_at = time.monotonic() + within
    late = []
    for ref, future in [(ref, ref.stop(block=False)) for ref in refs]:
        try:
            with suppress(pykka.ActorDeadError):
                future.get(timeout=max(0.0, give_up_at - time.monotonic()))
        except pykka.Timeout:
            late.append(ref.actor_urn)
    return late
