"""Asks the actors that everything depends on, and knows for how long each has not answered.

Nobody waits for an answer that does not come: one question an actor is under way, and its age is
what tells that the actor is stuck.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pykka

from actors.base import Address, HandlerFailed

POLL_SECONDS = 0.005


@dataclass(slots=True, kw_only=True)
class _Pulse:
    """One actor: the question under way, since when it owes an answer, and the last one."""

    urn: str = ""
    future: pykka.Future[Any] | None = None
    since: float | None = None
    answer: Any = None


class Heartbeats:
    """Thread-safe. `questions`: what each role is asked, e.g. a Ping."""

    def __init__(
        self, questions: Mapping[Address, object], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._questions = dict(questions)
        self._now = now
        self._lock = threading.Lock()
        self._pulses = {address.role: _Pulse() for address in questions}

    def beat(self, *, wait_seconds: float = 0.0) -> None:
        """Ask each actor that owes no answer, and wait at most so long for the answers."""
        give_up_at = self._now() + wait_seconds
        with self._lock:
            for address, question in self._questions.items():
                self._ask(address, question)
        while self._owing() and self._now() < give_up_at:
            time.sleep(POLL_SECONDS)

    def silent(self) -> dict[str, float]:
        """For how many seconds each role owes an answer; 0 for those that answered."""
        with self._lock:
            now = self._now()
            for pulse in self._pulses.values():
                _collect(pulse)
            return {
                role: 0.0 if pulse.since is None else now - pulse.since
                for role, pulse in self._pulses.items()
            }

    def answer(self, role: str) -> Any:
        """The last answer of a role; None before the first."""
        with self._lock:
            _collect(self._pulses[role])
            return self._pulses[role].answer

    def _owing(self) -> bool:
        return any(self.silent().values())

    def _ask(self, address: Address, question: object) -> None:
        pulse, ref = self._pulses[address.role], address.ref
        _collect(pulse)
        if pulse.future is not None and ref is not None and ref.actor_urn == pulse.urn:
            return  # it still owes us one
        pulse.since = self._now() if pulse.since is None else pulse.since
        pulse.future = None
        if ref is not None:
            pulse.urn = ref.actor_urn
            pulse.future = ref.ask(question, block=False)


def _collect(pulse: _Pulse) -> None:
    """Take the answer, if it is there; an actor that is gone gave none."""
    if pulse.future is None:
        return
    try:
        pulse.answer = pulse.future.get(timeout=0)
    except pykka.Timeout:
        return
    except (pykka.ActorDeadError, HandlerFailed):
        pulse.future = None
        return
    pulse.future, pulse.since = None, None
