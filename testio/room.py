"""Room for answers: what is made of them takes many times the memory of their bytes."""

from __future__ import annotations

import threading
import time
from collections import deque

from testio.cancellation import Cancellation
from testio.errors import Timeout

LOOK_UP_SECONDS = 0.05
MOST_AT_ONCE = 8 * 2**20
"""Bytes of answers: while they are parsed they take up to thirty times as much memory, and until
their rows are written about fifteen times."""


class Room:
    """Room for so many bytes of answers at once, in the order in which they came.

    One that is larger than all of it has it alone. Thread-safe.
    """

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._most = most
        self._taken = 0
        self._given_back = 0.0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    def take(self, size: int, cancellation: Cancellation, patience: float) -> None:
        """Wait for room, and take it. Raises Cancelled, and Timeout where nobody has given any
        back for `patience` seconds."""
        ticket, began = object(), time.monotonic()
        with self._changed:
            self._waiting.append(ticket)
            try:
                while self._waiting[0] is not ticket or not self._fits(size):
                    cancellation.check()
                    if time.monotonic() > max(began, self._given_back) + patience:
                        raise Timeout(f"an answer of {size} bytes found no room beside others")
                    self._changed.wait(LOOK_UP_SECONDS)
                self._taken += size
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()

    def take_more(self, size: int) -> None:
        """Without waiting, for who holds some: others would wait for its end, and it for theirs."""
        with self._changed:
            self._taken += size

    def give_back(self, size: int) -> None:
        """What was taken is not needed any more."""
        with self._changed:
            self._taken -= size
            self._given_back = time.monotonic()
            self._changed.notify_all()

    def _fits(self, size: int) -> bool:
        return self._taken == 0 or self._taken + size <= self._most


class LargeLists:
    """The room that the lists of one product hold until they are written, or it has failed."""

    def __init__(self) -> None:
        self._lists: list[tuple[Room, int]] = []
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._lists)

    def hold(self, room: Room, size: int) -> None:
        """From now on this as well."""
        with self._lock:
            self._lists.append((room, size))

    def let_go(self) -> None:
        """Give all of it back."""
        with self._lock:
            lists, self._lists = self._lists, []
        for room, size in lists:
            room.give_back(size)

    def __del__(self) -> None:
        """Whose run has crashed lets go of nothing by itself."""
        self.let_go()
