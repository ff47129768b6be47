"""What each worker is doing, for those who look on from outside; the actors never read it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace

from rules.model import SyncPhase
from testio.limits import Retried


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One product in a worker's hands. `pages` and `rows` are stored ones.

    `since` and `moved`, the last time that a page was stored, are on the clock of elapsed seconds.
    """

    role: str
    run_id: int
    phase: SyncPhase
    product_id: int
    since: float
    moved: float
    pages: int = 0
    rows: int = 0
    retried: Retried = field(default_factory=Retried)


class WorkerActivity:
    """One entry a busy worker. Thread-safe; a worker writes its own, while it waits for the remote.

    Asking the workers would not do: they answer only between two requests.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy: dict[str, Activity] = {}

    def begin(self, activity: Activity) -> None:
        """The worker has taken a product on."""
        with self._lock:
            self._busy[activity.role] = activity

    def stored(self, role: str, rows: int, now: float) -> None:
        """A page of the worker's product is in the mirror."""
        with self._lock:
            if (was := self._busy.get(role)) is not None:
                self._busy[role] = replace(
                    was, pages=was.pages + 1, rows=was.rows + rows, moved=now
                )

    def end(self, role: str) -> None:
        """The worker is free, or another one has taken its place."""
        with self._lock:
            self._busy.pop(role, None)

    def busy(self) -> tuple[Activity, ...]:
        """The workers that are at work, by their names."""
        with self._lock:
            return tuple(self._busy[role] for role in sorted(self._busy, key=_number))


def _number(role: str) -> tuple[int, str]:
    digits = role.rpartition("-")[2]
    return (int(digits) if digits.isdigit() else 0, role)
