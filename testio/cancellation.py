"""Ending what a run has under way, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from testio.errors import Cancelled


class Cancellation:
    """One run's end, seen by all that works for it. Thread-safe; cancelled once, for good."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def part(self) -> Cancellation:
        """One that can be cancelled by itself, and is cancelled with this one."""
        part = Cancellation()
        with self._lock:
            self._callbacks.append(part.cancel)
            ended = self._event.is_set()
        if ended:
            part.cancel()
        return part

    def release(self, part: Cancellation) -> None:
        """The part has done its work: it need not hear of the end any more."""
        with self._lock:
            if part.cancel in self._callbacks:
                self._callbacks.remove(part.cancel)

    @property
    def cancelled(self) -> bool:
        """Whether the run has ended or is to end."""
        return self._event.is_set()

    def cancel(self) -> None:
        """End it: sleepers wake, live sockets are shut down. Never blocks, never raises."""
        with self._lock:
            self._event.set()
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            callback()

    def check(self) -> None:
        """Raise Cancelled if the run has ended."""
        if self.cancelled:
            raise Cancelled("the run was cancelled")

    def sleep(self, seconds: float) -> None:
        """Sleep, but wake and raise Cancelled as soon as the run is cancelled."""
        self._event.wait(max(0.0, seconds))
        self.check()

    @contextmanager
    def calling(self, callback: Callable[[], None]) -> Iterator[None]:
        """Call `callback` if the run is cancelled inside the block. Raises Cancelled if it was."""
        with self._lock:
            self._callbacks.append(callback)
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._callbacks.remove(callback)
