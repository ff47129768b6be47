"""The runs that one Coordinator has taken on: what is owed to those who asked, if it crashes."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from actors.messages import RunTicket


class Dismissed(Exception):
    """The Coordinator was replaced: it takes on no run any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOn:
    """A run that has not ended. `at_work`: it has begun; else it waits for its turn."""

    ticket: RunTicket
    at_work: bool


class RunsTakenOn:
    """Thread-safe; one Coordinator writes, the Supervisor reads, and it outlives both threads.

    A message could still be on its way when the Coordinator dies, and what was promised in it
    would be forgotten. Here a run is either taken on before `close`, or not at all.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_id: dict[int, TakenOn] = {}
        self._is_closed = False

    def take_on(self, ticket: RunTicket, *, at_work: bool) -> None:
        """Before anybody is promised the run, and again when its request or state changes.

        Raises Dismissed.
        """
        with self._lock:
            if self._is_closed:
                raise Dismissed
            self._by_id[ticket.run_id] = TakenOn(ticket=ticket, at_work=at_work)

    def ended(self, run_id: int) -> None:
        """The run's end is recorded by its Coordinator; nothing more is owed."""
        with self._lock:
            self._by_id.pop(run_id, None)

    def cancel(self) -> None:
        """Let nothing of these runs be stored from here on."""
        with self._lock:
            for run in self._by_id.values():
                run.ticket.requests.cancellation.cancel()

    def close(self) -> tuple[TakenOn, ...]:
        """Take on none from here on; returns those that have not ended."""
        with self._lock:
            self._is_closed = True
            left, self._by_id = tuple(self._by_id.values()), {}
            return left
