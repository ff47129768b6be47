"""Between the actors and the Logger: the queue of what happened, and the results of runs.

Both outlive the Logger, so that its crash loses neither an event nor somebody's result.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import structlog

from actors.base import Address
from actors.event_log import EventLog
from actors.messages import Flush
from config.secrets import REDACTOR
from rules.model import Problem, SyncResult
from rules.run.events import Entry, RunClosed, SyncEvent

log = structlog.get_logger("sync")
KEPT_RESULTS = 200


class EventQueue:
    """What is to be written, in order. Thread-safe; any actor records, the Logger writes.

    `watchers` hear of each entry as it is recorded, on the recorder's thread: they must not wait.
    """

    def __init__(self, logger: Address, event_log: EventLog | None = None) -> None:
        self._event_log = event_log or EventLog()
        self.watchers: list[Callable[[Entry], None]] = []
        self.written = 0
        self._logger = logger
        self._lock = threading.Lock()
        self._waiting: deque[Entry] = deque()
        self._is_woken = False
        self._stuck: tuple[str, float] | None = None
        self._tries = 0

    @property
    def tries(self) -> int:
        """How often the Logger has come back from writing, whether or not that was possible."""
        with self._lock:
            return self._tries

    @property
    def stuck_because(self) -> str | None:
        """Why entries cannot be written at the moment; None while they can."""
        with self._lock:
            return None if self._stuck is None else self._stuck[0]

    @property
    def stuck_seconds(self) -> float:
        """For how long entries could not be written; 0 while they can."""
        with self._lock:
            return 0.0 if self._stuck is None else time.monotonic() - self._stuck[1]

    def not_written(self, why: str) -> None:
        """The Logger could not write; it will try again."""
        with self._lock:
            self._tries += 1
            self._stuck = (why, time.monotonic() if self._stuck is None else self._stuck[1])

    def record(self, entry: Entry) -> None:
        """Put one entry at the end, wake the Logger, and show it in the log. Never raises.

        Errors of libraries may hold what they were given: the secrets are taken out here, before
        the database, the socket or a notification has them.
        """
        entry = _without_secrets(entry)
        with self._lock:
            self._waiting.append(entry)
            wake, self._is_woken = not self._is_woken, True
        if wake:
            self._wake()
        with contextlib.suppress(Exception):  # a log that cannot be written loses no event
            self._event_log.show(entry)
        _tell(self.watchers, entry)

    def _wake(self) -> None:
        """One Flush for all that is recorded until the Logger looks.

        It may be lost with a Logger that crashes; the one in its place gets one of its own.
        """
        if self._logger.tell(Flush()) is None:
            with self._lock:
                self._is_woken = False

    def first(self, limit: int) -> tuple[Entry, ...]:
        """The oldest entries that are not written yet; they stay until `discard`.

        What is recorded from here on wakes the Logger again.
        """
        with self._lock:
            self._is_woken = False
            return tuple(itertools.islice(self._waiting, limit))

    def discard(self, count: int) -> None:
        """The oldest `count` entries are written."""
        with self._lock:
            self._tries += 1
            self._stuck = None
            self.written += count
            for _ in range(count):
                self._waiting.popleft()

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting)


class RunResults:
    """The results of the last runs, for those who wait outside the actors. Thread-safe.

    `watchers` hear of each run's end once, on the Logger's thread: they must not wait.
    """

    def __init__(self) -> None:
        self.watchers: list[Callable[[RunClosed], None]] = []
        self._changed = threading.Condition()
        self._results: OrderedDict[int, SyncResult] = OrderedDict()

    def publish(self, ended: RunClosed) -> None:
        """A run's end is on disk: tell everybody who waits for it."""
        result = ended.result
        with self._changed:
            self._results[result.run_id] = result
            while len(self._results) > KEPT_RESULTS:
                self._results.popitem(last=False)
            self._changed.notify_all()
        _tell(self.watchers, ended)

    def has(self, run_id: int) -> bool:
        """Whether the run's end was told."""
        with self._changed:
            return run_id in self._results

    def wait(self, run_id: int, *, timeout: float) -> SyncResult | None:
        """The result of a run, waiting at most `timeout` seconds for it; None if not ended."""
        with self._changed:
            self._changed.wait_for(lambda: run_id in self._results, timeout)
            return self._results.get(run_id)


E = TypeVar("E", Entry, RunClosed)


def _tell(watchers: Sequence[Callable[[E], None]], what: E) -> None:
    """A watcher that fails takes nothing with it."""
    for watcher in watchers:
        try:
            watcher(what)
        except BaseException:
            with contextlib.suppress(Exception):
                log.exception("watcher_failed")


def _without_secrets(entry: Entry) -> Entry:
    if isinstance(entry, RunClosed) and entry.result.errors:
        errors = tuple(_masked(problem) for problem in entry.result.errors)
        return replace(entry, result=replace(entry.result, errors=errors))
    if isinstance(entry, SyncEvent) and entry.problem is not None:
        return replace(entry, problem=_masked(entry.problem))
    return entry


def _masked(problem: Problem) -> Problem:
    return replace(problem, message=REDACTOR(problem.message))
