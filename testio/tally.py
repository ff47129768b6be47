"""What was sent and what came of it, counted since the start."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from testio.errors import TestioError

OK = "ok"
BROKEN = "crashed"
"""An attempt that ended in an exception which no rule knows."""


@dataclass
class AttemptCounts:
    """Counts attempts. Thread-safe. `observe` hears the seconds and the result of each one."""

    observe: Callable[[float, str], None] = lambda _seconds, _result: None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _results: Counter[str] = field(default_factory=Counter)
    _retries: int = 0
    _in_flight: int = 0

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """One attempt on the wire, from its sending to the last byte."""
        result, began = BROKEN, time.monotonic()
        with self._lock:
            self._in_flight += 1
        try:
            yield
            result = OK
        except TestioError as error:
            result = error.kind.value
            raise
        finally:
            with self._lock:
                self._in_flight -= 1
                self._results[result] += 1
            self.observe(time.monotonic() - began, result)

    def retried(self) -> None:
        """An attempt is made again."""
        with self._lock:
            self._retries += 1

    def counted(self) -> tuple[dict[str, int], int, int]:
        """Results, retries, and attempts on the wire now."""
        with self._lock:
            return dict(self._results), self._retries, self._in_flight
