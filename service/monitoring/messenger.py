"""Tells people, on a thread of its own for each channel: a hook that hangs delays nothing else.

What was told is remembered only once it has arrived. A notification that nobody took is therefore
decided on anew with the next run's end; one that a killed daemon had under way may come twice.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from config.threads import lasting_thread
from rules.diagnosis.notice import Notice, Sender, notice_of
from rules.diagnosis.notifying import Decision, Event, OpenAlert, RunEnd, decide
from rules.model import SyncResult, Trigger
from rules.run.events import RunClosed
from storage.engine.errors import StorageError

log = structlog.get_logger(__name__)

PAUSES = (1.0, 5.0)
"""Seconds between the attempts to deliver one notification: three attempts."""
CUT_SECONDS = 0.5
"""How long a channel that was closed may take to notice."""
MOST_WAITING = 100
"""Ends of runs that wait for a slow hook; the oldest are let go, as later ones say more."""
PERIODIC = (Trigger.SCHEDULE, Trigger.STARTUP)


class NotDelivered(Exception):
    """A notification did not arrive; the text says why."""


class Channel(Protocol):
    """A way to reach people; `send` is called by one thread at a time, `close` by any."""

    name: str

    def send(self, notice: Notice) -> None:
        """Deliver it. Raises NotDelivered."""

    def close(self) -> None:
        """End what is under way. Never raises."""


class Memory(Protocol):
    """Keeps what each channel told; `storage.settings.notice_rows.NoticeRows` is the real one."""

    def recorded(self, channel: str) -> str | None:
        """Raises StorageError."""

    def note(self, channel: str, told: str | None) -> None:
        """Raises StorageError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    run_end: RunEnd
    result: SyncResult | None = None
    reason: str = ""
    advice: str = ""


class Messenger:
    """One channel. `ended` and `trouble` may be called from any thread and never wait.

    `count` hears of each decision: the channel, and `delivered`, `failed` or `kept_back`.
    """

    def __init__(
        self,
        channel: Channel,
        memory: Memory,
        sender: Sender,
        *,
        repeat_seconds: float,
        count: Callable[[str, str], None] = lambda _channel, _result: None,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._channel = channel
        self._memory = memory
        self._sender = sender
        self._repeat_seconds = repeat_seconds
        self._count = count
        self._pauses = pauses
        self._changed = threading.Condition()
        self._waiting: deque[_Heard] = deque(maxlen=MOST_WAITING)
        self._stopping = threading.Event()
        self._told: OpenAlert | None = None
        self._has_recalled = False
        self._thread = lasting_thread(f"testio-notify-{channel.name}", self._run)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def ended(self, entry: RunClosed) -> None:
        """A run's end is on disk."""
        request, result = entry.request, entry.result
        run_end = RunEnd(
            at=entry.at,
            status=result.status,
            phases=frozenset(request.phases),
            scope=request.scope,
            problems=result.errors,
            periodic=request.trigger in PERIODIC,
        )
        self._hear(_Heard(run_end=run_end, result=result))

    def trouble(self, run_end: RunEnd, reason: str, advice: str = "") -> None:
        """Something is wrong beside the end of a run; `advice`: what to do, if more is known than
        of its kind."""
        self._hear(_Heard(run_end=run_end, reason=reason, advice=advice))

    def finish(self) -> None:
        """Tell what waits still, without trying again, and end."""
        with self._changed:
            self._stopping.set()
            self._changed.notify()

    def stop(self, seconds: float) -> None:
        """Finish within so many seconds; the rest is cut."""
        self.finish()
        self._thread.join(timeout=max(0.0, seconds))
        if self._thread.is_alive():
            log.warning("notification_cut", channel=self._channel.name, waited_seconds=seconds)
            with self._changed:
                self._waiting.clear()
        self._channel.close()
        self._thread.join(timeout=CUT_SECONDS)

    def _hear(self, heard: _Heard) -> None:
        with self._changed:
            self._waiting.append(heard)
            self._changed.notify()

    def _run(self) -> None:
        while (heard := self._next()) is not None:
            try:
                self._act(heard)
            except Exception:
                log.exception("messenger_failed", channel=self._channel.name)
                self._count(self._channel.name, "failed")

    def _next(self) -> _Heard | None:
        """The next one; None when all is told and the end has come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping.is_set())
            return self._waiting.popleft() if self._waiting else None

    def _act(self, heard: _Heard) -> None:
        self._recall()
        decision = decide(self._told, heard.run_end, repeat_seconds=self._repeat_seconds)
        if decision.event is None:
            if decision.after != self._told:
                self._count(self._channel.name, "kept_back")
            self._remember(decision.after)
        elif self._deliver(self._notice(decision, decision.event, heard)):
            self._remember(decision.after)

    def _notice(self, decision: Decision, event: Event, heard: _Heard) -> Notice:
        return notice_of(
            decision,
            event,
            heard.run_end,
            heard.result,
            self._sender,
            reason=heard.reason,
            action=heard.advice,
        )

    def _deliver(self, notice: Notice) -> bool:
        """Try a few times; whether it arrived."""
        for attempt, pause in enumerate((*self._pauses, 0.0), start=1):
            try:
                self._channel.send(notice)
            except NotDelivered as error:
                self._failed(notice, attempt, str(error))
            else:
                log.info("notified", channel=self._channel.name, about=notice.event.value)
                self._count(self._channel.name, "delivered")
                return True
            if self._stopping.wait(pause):
                break
        self._count(self._channel.name, "failed")
        return False

    def _failed(self, notice: Notice, attempt: int, error: str) -> None:
        log.warning(
            "notification_failed",
            channel=self._channel.name,
            about=notice.event.value,
            attempt=attempt,
            of=len(self._pauses) + 1,
            error=error,
        )

    def _recall(self) -> None:
        """What was told before this process; tried again until it can be read."""
        if self._has_recalled:
            return
        try:
            text = self._memory.recorded(self._channel.name)
            before = None if text is None else OpenAlert.of_json(text)
        except StorageError as error:
            log.warning("told_not_known", channel=self._channel.name, error=str(error))
            return
        except ValueError as error:
            log.warning("told_not_understood", channel=self._channel.name, error=str(error))
            before = None
        self._has_recalled = True
        self._told = before if self._told is None else self._told

    def _remember(self, told: OpenAlert | None) -> None:
        """Where it cannot be written, this process knows it all the same."""
        if told == self._told:
            return
        self._told = told
        try:
            self._memory.note(self._channel.name, None if told is None else told.as_json())
        except StorageError as error:
            log.warning("told_not_written", channel=self._channel.name, error=str(error))
