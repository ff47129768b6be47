"""Says when: a tick at start, then one an interval, on a clock that counts suspended time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import assert_never

from actors.base import Address, BaseActor
from actors.clock import Clock
from actors.journal import Journal
from actors.messages import (
    Beat,
    Begin,
    GetSchedule,
    Pause,
    Ping,
    Resume,
    ScheduleChanged,
    SchedulerMessage,
    ScheduleState,
    Tick,
)
from rules.events import EventName, SyncEvent
from rules.model import Trigger
from rules.schedule import Schedule


class Scheduler(BaseActor):
    """One of; runs on its own thread. It knows nothing of what a sync is.

    It looks at the clock on every Beat, so neither sleep nor a stall of the machine confuses it:
    missed ticks become one. Its replacement after a crash goes on with the same schedule.
    """

    def __init__(
        self,
        *,
        supervisor: Address,
        coordinator: Address,
        journal: Journal,
        clock: Clock,
        schedule: Schedule,
        jitter: Callable[[], float],
    ) -> None:
        super().__init__(role="scheduler", supervisor=supervisor)
        self._coordinator = coordinator
        self._journal = journal
        self._clock = clock
        self._schedule = schedule
        self._jitter = jitter
        self._unsent: Tick | None = None

    def handle(self, message: SchedulerMessage) -> object:
        """Dispatch by type. Pause and Resume answer whether they changed anything."""
        match message:
            case Begin():
                self._begin(message.startup_run)
            case Beat():
                self._beat()
            case Pause():
                return self._set_paused(True)
            case Resume():
                return self._set_paused(False)
            case GetSchedule():
                return self._state()
            case Ping():
                pass
            case _:
                assert_never(message)
        return True

    def _begin(self, startup_run: bool) -> None:
        if startup_run:
            self._send(Tick(trigger=Trigger.STARTUP))

    def _send(self, tick: Tick) -> None:
        """Tell the Coordinator; while it is being replaced, try again with the next beat."""
        self._unsent = None if self._coordinator.tell(tick) else tick

    def _beat(self) -> None:
        if self._unsent is not None:
            self._send(self._unsent)
        now = self._clock.elapsed()
        if self._schedule.is_due(now):
            self._change(self._schedule.after_tick(now, self._jitter()))
            self._send(Tick(trigger=Trigger.SCHEDULE))

    def _set_paused(self, paused: bool) -> bool:
        if self._schedule.paused is paused:
            return False
        self._change(self._schedule.pause() if paused else self._schedule.resume())
        event = EventName.PAUSED if paused else EventName.RESUMED
        self._journal.record(SyncEvent(at=self._clock.now(), event=event))
        return True

    def _change(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._supervisor.tell(ScheduleChanged(schedule=schedule))

    def _state(self) -> ScheduleState:
        schedule = self._schedule
        next_run_at = None
        if schedule.periodic and not schedule.paused:
            seconds = max(0.0, schedule.due_at - self._clock.elapsed())
            next_run_at = self._clock.now() + timedelta(seconds=seconds)
        return ScheduleState(
            interval_seconds=schedule.interval, paused=schedule.paused, next_run_at=next_run_at
        )
