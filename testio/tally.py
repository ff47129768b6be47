"""What was sent and what came of it, counted since the start; and the state of the limits now."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rules.model import BreakerState
from testio.errors import TestioError

OK = "ok"
BROKEN = "crashed"
"""An attempt that ended in an exception which no rule knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteState:
    """The client at this moment.

    `results` counts attempts by `ok` or the kind of their failure, since the start. `in_flight`
    are attempts on the wire. `parked_seconds`: how long nobody sends yet, because the remote asked
    for it. `open_seconds`: for how long the breaker has been open.
    """

    results: Mapping[str, int]
    retries: int
    in_flight: int
    connections: int
    requests_per_second: int
    parked_seconds: float
    breaker: BreakerState
    open_seconds: float
    last_failure: str


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
