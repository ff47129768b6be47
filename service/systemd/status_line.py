"""What the daemon does now, in one line: what `systemctl status` shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

from actors.messages import ScheduleState
from rules.diagnosis.findings import Finding
from rules.run.progress import PhaseProgress, RunProgress


def status_line(
    run: RunProgress | None,
    schedule: ScheduleState | None,
    wrong: Sequence[Finding],
    *,
    now: datetime,
) -> str:
    """One line for people: what it does, and the most urgent of what is `wrong`."""
    line = _idle(schedule, now) if run is None else _at_work(run)
    if not wrong:
        return line
    more = f" (and {len(wrong) - 1} more: testio-sync status)" if len(wrong) > 1 else ""
    return f"{line}; {wrong[0].said(now)}{more}"


def _at_work(run: RunProgress) -> str:
    if run.cancelling:
        return f"run {run.run_id}: cancelling"
    begun = [phase for phase in run.phases if phase.total is not None]
    return f"run {run.run_id}: {_phase(begun[-1]) if begun else 'beginning'}"


def _phase(phase: PhaseProgress) -> str:
    failed = f", {phase.failed} failed" if phase.failed else ""
    return f"{phase.phase.value} {phase.complete + phase.failed} of {phase.total}{failed}"


def _idle(schedule: ScheduleState | None, now: datetime) -> str:
    if schedule is None:
        return "idle"
    if schedule.paused:
        until = schedule.paused_until
        return "paused" if until is None else f"paused until {until:%Y-%m-%d %H:%M} UTC"
    if schedule.next_run_at is None:
        return "idle; periodic runs are turned off"
    minutes = math.ceil((schedule.next_run_at - now).total_seconds() / 60)
    return f"idle; next run in {max(1, minutes)} min"
