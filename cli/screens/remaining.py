"""How long a run will take yet, in words; for the screens that show one at work."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rules.run.eta import PhaseSoFar, run_remaining, usual_duration
from rules.run.progress import PhaseProgress
from storage.engine import readonly
from storage.engine.errors import StorageError
from storage.reads import queries, screen_queries


def usual_durations(connection: sqlite3.Connection, run_id: int) -> dict[str, float] | None:
    """How long each phase took in the last runs like this one; phases without one are left out.

    None as long as the run itself is not written down. Read it once a run: it reads many events.
    """
    if queries.run(connection, run_id) is None:
        return None
    past = screen_queries.phase_durations(connection, run_id)
    usual = {phase: usual_duration(durations) for phase, durations in past.items()}
    return {phase: seconds for phase, seconds in usual.items() if seconds is not None}


def phase_text(phase: PhaseSoFar) -> str:
    """What is left of one phase; for one that has not begun, how long it usually takes."""
    if phase.finished:
        return ""
    if phase.total is not None:
        return left_text([phase])
    usual = phase.usual or 0.0
    return f"usually {_rounded(usual)}" if usual >= 1 else ""


def left_text(phases: Sequence[PhaseSoFar]) -> str:
    """What is left of these phases, e.g. `about 20 s left`; empty where nothing tells.

    `nearly done` is only what has got on: a remote that is slower than before may take any time.
    """
    left = run_remaining(phases)
    if left is not None and left >= 1:
        return f"about {_rounded(left)} left"
    if any(phase.is_late for phase in phases):
        return "longer than usual"
    has_got_on = all(phase.finished or phase.done for phase in phases)
    return "nearly done" if left is not None and has_got_on else ""


def _rounded(seconds: float) -> str:
    """No more exact than it is known."""
    from cli.screens.screen import duration_text  # brings rich along, which not every caller needs

    step = 1 if seconds < 20 else 5 if seconds < 120 else 60
    return duration_text(round(seconds / step) * step).removesuffix(" 0 s")


class PhaseClock:
    """When each phase was seen to begin, and how long it usually takes."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._begun: dict[str, float] = {}
        self._usual: dict[str, float] | None = None

    def left(self, run_id: int, phase: PhaseProgress) -> str:
        """What is left of a phase, in words."""
        now, name = time.monotonic(), phase.phase.value
        if phase.total is not None:
            self._begun.setdefault(name, now)
        so_far = PhaseSoFar(
            total=phase.total,
            done=phase.complete + phase.failed,
            elapsed=now - self._begun.get(name, now),
            finished=phase.finished,
            usual=self._usual_of(run_id).get(name),
        )
        return phase_text(so_far)

    def _usual_of(self, run_id: int) -> dict[str, float]:
        """Read once; nothing in a database that is new."""
        if self._usual is None:
            with suppress(StorageError), readonly.open_readonly(self._database) as connection:
                self._usual = usual_durations(connection, run_id)
        return self._usual or {}
