"""The whole actor system from outside: start it, ask it, wait for a run, stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import cast

import structlog

from actors.base import NoAnswer
from actors.event_queue import EventQueue
from actors.messages import (
    Admitted,
    Beat,
    Begin,
    CancelProduct,
    CancelRun,
    CoordinatorStatus,
    EmployWorkers,
    GetSchedule,
    GetStatus,
    Pause,
    Resume,
    ScheduleState,
    SetInterval,
    StartAll,
    StartRun,
    StopAll,
    StopReport,
)
from actors.ports import Ports
from actors.supervisor import Supervisor
from actors.wiring import Wiring
from actors.worker_activity import Activity
from config.threads import NoThread, lasting_thread
from rules.model import RunRequest, SyncResult
from rules.run.events import Entry, RunClosed

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 2.0
START_SECONDS = 15.0
STOP_SECONDS = 7.0


class ActorSystem:
    """One running system. Every method may be called from any thread outside the actors.

    Those that ask raise NoAnswer where an actor does not answer in time.
    """

    def __init__(self, ports: Ports) -> None:
        self.wiring = Wiring.of(ports)
        self.gave_up = threading.Event()
        self.gave_up_because = ""
        self._ports = ports
        self._pulse: threading.Thread | None = None
        self._stopped = threading.Event()

    @property
    def event_queue(self) -> EventQueue:
        """Where events are recorded from outside the actors."""
        return self.wiring.event_queue

    @property
    def has_schedule(self) -> bool:
        """Whether there is a Scheduler; one-shot commands have none."""
        return self._ports.schedule is not None

    def watch(
        self,
        *,
        on_entry: Iterable[Callable[[Entry], None]] = (),
        ended: Iterable[Callable[[RunClosed], None]] = (),
    ) -> None:
        """`on_entry` gets each entry that is recorded, `ended` each run whose end is on disk.

        They are called on threads of the actors and must not wait. Call this before `start`.
        """
        self.wiring.event_queue.watchers += on_entry
        self.wiring.results.watchers += ended

    def elapsed(self) -> float:
        """Now, on the system's clock of elapsed seconds."""
        return self._ports.clock.elapsed()

    def busy(self) -> tuple[Activity, ...]:
        """What each busy worker is doing. Asks nobody."""
        return self.wiring.work.busy()

    def mailboxes(self) -> dict[str, int]:
        """How many messages wait for each actor. Asks nobody."""
        return self.wiring.mailboxes()

    def missing(self) -> dict[str, str]:
        """The roles that nobody could be started for, and why. Asks nobody."""
        return self.wiring.missing()

    def start(self) -> None:
        """Start every actor; returns when each has answered.

        Raises NoThread where there are too few threads; some workers less are no reason.
        """
        supervisor = Supervisor.start(wiring=self.wiring, give_up=self._give_up)
        self.wiring.supervisor.bind(supervisor)
        if not self.wiring.supervisor.ask(StartAll(), timeout=START_SECONDS):
            raise NoThread
        if self._ports.pulse_seconds is not None:
            pulse = lasting_thread("testio-pulse", self._beat)
            pulse.start()
            self._pulse = pulse

    def begin(self) -> None:
        """Let the Scheduler send its first tick."""
        if self._ports.schedule is not None:
            begin = Begin(startup_run=self._ports.schedule.startup_run)
            try:
                self.wiring.scheduler.ask(begin, timeout=ANSWER_SECONDS)
            except NoAnswer as error:
                log.error("schedule_begun_again", error=str(error))
                with suppress(NoAnswer):  # it has been replaced before, or is not to be had
                    self.wiring.scheduler.ask(begin, timeout=ANSWER_SECONDS)

    def beat(self) -> None:
        """One heartbeat; the pulse thread does this, or a test that holds the clock."""
        self.wiring.supervisor.tell(Beat())
        self.wiring.scheduler.tell(Beat())

    def start_run(self, request: RunRequest) -> Admitted:
        """Ask for a run; it starts, joins one, waits, or is refused as busy."""
        answer = self.wiring.coordinator.ask(StartRun(request=request), timeout=ANSWER_SECONDS)
        return cast(Admitted, answer)

    def wait_for(self, run_id: int, *, timeout: float) -> SyncResult | None:
        """The result of a run once its end is on disk; None if it has not ended by then."""
        return self.wiring.results.wait(run_id, timeout=timeout)

    def status(self) -> CoordinatorStatus:
        """The run at work and the one that waits."""
        answer = self.wiring.coordinator.ask(GetStatus(), timeout=ANSWER_SECONDS)
        return cast(CoordinatorStatus, answer)

    def schedule(self) -> ScheduleState:
        """When the next periodic run is due."""
        answer = self.wiring.scheduler.ask(GetSchedule(), timeout=ANSWER_SECONDS)
        return cast(ScheduleState, answer)

    def pause(self, until: datetime | None = None) -> bool:
        """No more ticks until then, or until resumed; False if it was paused so already."""
        return bool(self.wiring.scheduler.ask(Pause(until=until), timeout=ANSWER_SECONDS))

    def resume(self) -> bool:
        """Ticks again; False if it was not paused."""
        return bool(self.wiring.scheduler.ask(Resume(), timeout=ANSWER_SECONDS))

    def set_interval(self, seconds: float) -> None:
        """Ticks every so many seconds from now on; 0 means never."""
        self.wiring.scheduler.ask(SetInterval(seconds=seconds), timeout=ANSWER_SECONDS)

    def employ(self, workers: int) -> None:
        """Have at least so many workers."""
        if len(self.wiring.workers) >= workers:
            return
        self.wiring.supervisor.ask(EmployWorkers(count=workers), timeout=ANSWER_SECONDS)

    def cancel_product(self, product_id: int, reason: str) -> int | None:
        """Leave a product out of the run at work; its id, or None if it is not concerned."""
        order = CancelProduct(product_id=product_id, reason=reason)
        return cast("int | None", self.wiring.coordinator.ask(order, timeout=ANSWER_SECONDS))

    def cancel(self, reason: str) -> int | None:
        """End the run at work; its id, or None if there is none."""
        answer = self.wiring.coordinator.ask(CancelRun(reason=reason), timeout=ANSWER_SECONDS)
        return cast("int | None", answer)

    def stop(self, seconds: float = STOP_SECONDS) -> StopReport:
        """Stop everything in order within `seconds`; what does not end is left and named."""
        self._stopped.set()
        if self.wiring.supervisor.ref is None:  # it could not be started
            return StopReport(abandoned=(), unwritten=len(self.event_queue))
        try:
            report = cast(
                StopReport,
                self.wiring.supervisor.ask(  # nobody ever takes its place
                    StopAll(seconds=seconds), timeout=seconds + 0.5, again=False
                ),
            )
        except NoAnswer:
            report = self._stop_without_supervisor()
        if report.abandoned:
            log.error("actors_left_behind", roles=list(report.abandoned))
        ref = self.wiring.supervisor.ref
        if ref is not None:
            ref.stop(block=False)
        if self._pulse is not None:
            self._pulse.join(timeout=1.0)
        return report

    def _stop_without_supervisor(self) -> StopReport:
        """It crashed, or never came up: stop whoever is there, in the same order."""
        wiring = self.wiring
        for address in (wiring.scheduler, *wiring.crew, wiring.mirror, wiring.logger):
            if address.ref is not None:
                address.ref.stop(block=False)
        return StopReport(abandoned=("supervisor",), unwritten=len(self.event_queue))

    def _beat(self) -> None:
        assert self._ports.pulse_seconds is not None
        while not self._stopped.wait(self._ports.pulse_seconds):
            self.beat()

    def _give_up(self, reason: str) -> None:
        self.gave_up_because = reason
        self.gave_up.set()
