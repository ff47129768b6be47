"""Says when: a tick at start, then one an interval, on a clock that counts suspended time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from actors.base import Address, BaseActor
from actors.clock import Clock
from actors.event_queue import EventQueue
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
    SetInterval,
    Tick,
)
from rules.model import Trigger
from rules.run.events import EventName, SyncEvent
from rules.run.schedule import Schedule


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
        event_queue: EventQueue,
        clock: Clock,
        schedule: Schedule,
        jitter: Callable[[], float],
    ) -> None:
        super().__init__(role="scheduler", supervisor=supervisor)
        self._coordinator = coordinator
        self._event_queue = event_queue
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
                return self._pause(message.until)
            case Resume():
                return self._resume("an operator")
            case SetInterval():
                self._set_interval(message.seconds)
            case GetSchedule():
                return self._state()
            case Ping():
                pass
            case _:
                assert_never(message)
        return True

    def _begin(self, startup_run: bool) -> None:
        if not startup_run:
            return
        if self._schedule.paused:
            self._change(replace(self._schedule, startup_waits=True))
        else:
            self._send(Tick(trigger=Trigger.STARTUP))

    def _send(self, tick: Tick) -> None:
        """Tell the Coordinator; while it is being replaced, try again with the next beat."""
        self._unsent = None if self._coordinator.tell(tick) else tick

    def _beat(self) -> None:
        if self._unsent is not None:
            self._send(self._unsent)
        now = self._clock.elapsed()
        if self._schedule.pause_is_over(now):
            self._resume("the end of the pause")
        if self._schedule.is_due(now):
            self._change(self._schedule.after_tick(now, self._jitter()))
            self._send(Tick(trigger=Trigger.SCHEDULE))

    def _pause(self, until: datetime | None) -> bool:
        seconds = None if until is None else (until - self._clock.now()).total_seconds()
        ends_at = None if seconds is None else self._clock.elapsed() + seconds
        if self._schedule.paused and self._schedule.paused_until is None and ends_at is None:
            return False
        self._change(self._schedule.pause(ends_at))
        self._record(EventName.PAUSED, until="resumed" if until is None else until.isoformat())
        return True

    def _resume(self, by: str) -> bool:
        if not self._schedule.paused:
            return False
        startup_waits = self._schedule.startup_waits
        self._change(self._schedule.resume())
        self._record(EventName.RESUMED, by=by)
        if startup_waits:
            self._send(Tick(trigger=Trigger.STARTUP))
        return True

    def _set_interval(self, seconds: float) -> None:
        if seconds != self._schedule.interval:
            self._change(self._schedule.with_interval(seconds, self._clock.elapsed()))

    def _record(self, event: EventName, **detail: object) -> None:
        self._event_queue.record(SyncEvent(at=self._clock.now(), event=event, detail=detail))

    def _change(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._supervisor.tell(ScheduleChanged(schedule=schedule))

    def _state(self) -> ScheduleState:
        schedule = self._schedule
        return ScheduleState(
            interval_seconds=schedule.interval,
            paused=schedule.paused,
            paused_until=self._instant(schedule.paused_until),
            next_run_at=self._instant(schedule.next_at()),
        )

    def _instant(self, at: float | None) -> datetime | None:
        """The wall clock's time then; now, if that is past."""
        if at is None:
            return None
        return self._clock.now() + timedelta(seconds=max(0.0, at - self._clock.elapsed()))
