"""How long a run will take yet, in words; for the screens that show one at work."""

from __future__ import annotations

import sqlite3

from cli.screen import duration_text
from rules.eta import usual_duration
from storage import watch_queries


def usual_durations(connection: sqlite3.Connection, run_id: int) -> dict[str, float]:
    """How long each phase took in the last runs like this one; phases without one are left out."""
    past = watch_queries.phase_durations(connection, run_id)
    usual = {phase: usual_duration(durations) for phase, durations in past.items()}
    return {phase: seconds for phase, seconds in usual.items() if seconds is not None}


def remaining_text(seconds: float | None) -> str:
    """`about 20 s left`, no more exact than it is known; empty where nothing tells."""
    if seconds is None:
        return ""
    if seconds < 1:
        return "nearly done"
    step = 1 if seconds < 20 else 5 if seconds < 120 else 60
    return f"about {duration_text(round(seconds / step) * step)} left"
