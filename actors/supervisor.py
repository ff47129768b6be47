"""Starts, watches, replaces and stops all other actors; does no work of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import assert_never

import pykka
import structlog

from actors.base import Address, BaseActor, NoAnswer
from actors.messages import (
    ActorCrashed,
    Beat,
    Drain,
    Flush,
    MirrorLost,
    Ping,
    Ref,
    RunBegan,
    RunEnded,
    RunTicket,
    ScheduleChanged,
    StartAll,
    StopAll,
    StopReport,
    SupervisorMessage,
    WorkerReplaced,
)
from actors.wiring import Wiring
from rules.events import EventName, RunClosed, SyncEvent
from rules.model import ErrorKind, Problem, RunStatus, SyncResult
from rules.restarts import RestartBudget
from rules.schedule import Schedule

log = structlog.get_logger(__name__)

PING_SECONDS = 5.0


class Supervisor(BaseActor):
    """One of; runs on its own thread. It may wait for those below it, never the other way round.

    A worker's death costs one product and is no reason to give up. A death of the Coordinator or
    a phase fails the runs taken on, and all that works for a run is replaced. Too many
    replacements end the daemon: `give_up` is called once, with the reason, after the Logger was
    told to write it. The Supervisor's own crash is given up on at once.
    """

    def __init__(self, *, wiring: Wiring, give_up: Callable[[str], None]) -> None:
        super().__init__(role="supervisor", supervisor=wiring.supervisor)
        self._wiring = wiring
        self._journal = wiring.journal
        self._clock = wiring.parts.clock
        self._give_up_call = give_up
        self._gave_up = False
        self._stopping = False
        self._budget = RestartBudget()
        self._outstanding: dict[int, RunTicket] = {}
        plan = wiring.parts.schedule
        self._schedule = Schedule.starting(
            now=self._clock.elapsed(), interval=0.0 if plan is None else plan.interval_seconds
        )
        self._makers = wiring.makers(lambda: self._schedule)
        everyone = (wiring.logger, wiring.mirror, *wiring.crew, wiring.scheduler)
        self._addresses = {a.role: a for a in everyone if a.role in self._makers}

    def handle(self, message: SupervisorMessage) -> object:
        """Dispatch by type."""
        match message:
            case StartAll():
                self._start_all()
            case StopAll():
                return self._stop_all(message.seconds)
            case Beat():
                self._beat()
            case ActorCrashed():
                self._lost(message.role, message.urn, message.error)
            case RunBegan():
                self._outstanding[message.ticket.run_id] = message.ticket
            case RunEnded():
                self._outstanding.pop(message.run_id, None)
            case ScheduleChanged():
                self._schedule = message.schedule
            case Ping():
                pass
            case _:
                assert_never(message)
        return True

    def report_crash(self, error: BaseException) -> None:
        """Nobody watches the watcher but the one who started it."""
        self._give_up(f"the supervisor crashed: {type(error).__name__}: {error}")

    # -- start ---------------------------------------------------------------------------------

    def _start_all(self) -> None:
        for role in self._makers:
            self._start(role)
        for address in self._addresses.values():
            address.ask(Ping(), timeout=PING_SECONDS)

    def _start(self, role: str) -> Ref:
        ref = self._makers[role]()
        self._addresses[role].bind(ref)
        return ref

    # -- watch ---------------------------------------------------------------------------------

    def _beat(self) -> None:
        """Find the dead that nobody reported, and have the Logger try again what it could not."""
        if self._stopping:
            return
        for role, address in self._addresses.items():
            ref = address.ref
            if ref is not None and not ref.is_alive():
                self._lost(role, ref.actor_urn, "the actor was stopped")
        if len(self._journal):
            self._wiring.logger.tell(Flush())

    def _lost(self, role: str, urn: str, error: str) -> None:
        ref = self._addresses[role].ref
        if self._stopping or self._gave_up or ref is None or ref.actor_urn != urn:
            return  # replaced already
        problem = Problem(kind=ErrorKind.CRASHED, message=f"{role} crashed: {error}")
        self._note(EventName.ACTOR_CRASHED, role, problem)
        if not role.startswith("worker-") and not self._may_replace(problem):
            return
        self._replace(role, urn, problem)
        self._note(EventName.ACTOR_REPLACED, role)

    def _may_replace(self, problem: Problem) -> bool:
        exceeded = self._budget.spend(self._clock.elapsed())
        if exceeded is None:
            return True
        self._give_up(
            f"{problem.message}; more than {exceeded.restarts} restarts "
            f"in {exceeded.seconds:g} s are too many"
        )
        return False

    def _give_up(self, reason: str) -> None:
        if self._gave_up:
            return
        self._gave_up = True
        problem = Problem(kind=ErrorKind.CRASHED, message=reason)
        self._note(EventName.DAEMON_GAVE_UP, "supervisor", problem)
        self._give_up_call(reason)

    # -- replace -------------------------------------------------------------------------------

    def _replace(self, role: str, urn: str, problem: Problem) -> None:
        if role.startswith("worker-"):
            self._start(role)
            index = int(role.removeprefix("worker-")) - 1
            self._tell(
                self._wiring.phases.values(),
                WorkerReplaced(index=index, lost_urn=urn, problem=problem),
            )
        elif role == "mirror":
            self._start(role)
            self._tell(self._wiring.workers, MirrorLost(lost_urn=urn))
        elif role == "logger":
            self._start(role).tell(Flush())
        elif role == "scheduler":
            self._start(role)
        else:
            self._replace_crew(problem)

    def _replace_crew(self, problem: Problem) -> None:
        """Fail the runs taken on, and start all that works for a run anew, with fresh refs."""
        for ticket in self._outstanding.values():
            ticket.requests.cancellation.cancel()
            self._journal.record(self._failed(ticket, problem))
        self._outstanding.clear()
        for address in self._wiring.crew:
            if address.ref is not None:
                address.ref.stop(block=False)
            self._start(address.role)

    def _failed(self, ticket: RunTicket, problem: Problem) -> RunClosed:
        result = SyncResult(
            run_id=ticket.run_id,
            status=RunStatus.FAILED,
            trigger_source=ticket.request.trigger,
            duration_seconds=self._clock.elapsed() - ticket.started,
            errors=(problem,),
        )
        return RunClosed(at=self._clock.now(), request=ticket.request, result=result)

    def _tell(self, addresses: Iterable[Address], message: object) -> None:
        for address in addresses:
            address.tell(message)

    def _note(self, event: EventName, role: str, problem: Problem | None = None) -> None:
        self._journal.record(
            SyncEvent(at=self._clock.now(), event=event, problem=problem, detail={"role": role})
        )

    # -- stop ----------------------------------------------------------------------------------

    def _stop_all(self, seconds: float) -> StopReport:
        """No more ticks; the run ends; then workers, phases, Coordinator, Mirror, Logger last."""
        self._stopping = True
        wiring = self._wiring
        give_up_at = time.monotonic() + seconds
        abandoned = self._stop_group([wiring.scheduler], within=0.5)
        self._drain(within=max(0.0, seconds - 3.0))
        for group, most in ((wiring.crew, 1.5), ((wiring.mirror,), 0.5)):
            left = give_up_at - 0.5 - time.monotonic()
            abandoned += self._stop_group(group, within=max(0.1, min(most, left)))
        wiring.logger.tell(Flush())
        abandoned += self._stop_group(
            [wiring.logger], within=max(0.5, give_up_at - time.monotonic())
        )
        if len(self._journal):
            log.error("events_lost_at_stop", waiting=len(self._journal))
        return StopReport(abandoned=tuple(abandoned))

    def _drain(self, *, within: float) -> None:
        """Wait until the run at work has ended and that is on disk."""
        try:
            drained = self._wiring.coordinator.ask(Drain(), timeout=min(1.0, within))
            drained.get(timeout=within)
        except (NoAnswer, pykka.Timeout):
            log.error("run_not_drained", waited_seconds=within)

    def _stop_group(self, addresses: Iterable[Address], *, within: float) -> list[str]:
        """Stop these side by side; returns the roles that did not end in time."""
        give_up_at = time.monotonic() + within
        refs = [(address.role, address.ref) for address in addresses if address.ref is not None]
        futures = [(role, ref.stop(block=False)) for role, ref in refs]
        abandoned = []
        for role, future in futures:
            try:
                with suppress(pykka.ActorDeadError):
                    future.get(timeout=max(0.0, give_up_at - time.monotonic()))
            except pykka.Timeout:
                abandoned.append(role)
        return abandoned
