"""The line that `systemctl status` shows."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from actors.messages import ScheduleState
from rules.diagnosis.catalogue import found
from rules.diagnosis.codes import Code
from rules.model import SyncPhase, Trigger
from rules.run.progress import PhaseProgress, RunProgress
from service.systemd.status_line import status_line
from tests.fakes import START


def phase(name: SyncPhase, total: int | None, complete: int = 0, failed: int = 0) -> PhaseProgress:
    return PhaseProgress(phase=name, total=total, complete=complete, failed=failed, finished=False)


def run(*phases: PhaseProgress, cancelling: bool = False) -> RunProgress:
    return RunProgress(
        run_id=12,
        trigger_source=Trigger.SCHEDULE,
        started_at=START,
        elapsed_seconds=3.0,
        cancelling=cancelling,
        phases=phases,
    )


def schedule(
    seconds: float | None, *, paused: bool = False, until: datetime | None = None
) -> ScheduleState:
    due = None if seconds is None else START + timedelta(seconds=seconds)
    return ScheduleState(interval_seconds=900.0, paused=paused, paused_until=until, next_run_at=due)


PRODUCTS, FEATURES = phase(SyncPhase.PRODUCTS, 1, 1), phase(SyncPhase.FEATURES, 40, 17, 1)
AHEAD = phase(SyncPhase.NEW_TESTS, None)


@pytest.mark.parametrize(
    ("at_work", "plan", "expected"),
    [
        (run(PRODUCTS, FEATURES, AHEAD), None, "run 12: features 18 of 40, 1 failed"),
        (run(PRODUCTS, AHEAD), None, "run 12: products 1 of 1"),
        (run(AHEAD), None, "run 12: beginning"),
        (run(PRODUCTS, cancelling=True), None, "run 12: cancelling"),
        (None, schedule(14 * 60 - 5), "idle; next run in 14 min"),
        (None, schedule(0), "idle; next run in 1 min"),
        (None, schedule(-30), "idle; next run in 1 min"),
        (None, schedule(None), "idle; periodic runs are turned off"),
        (None, schedule(None, paused=True), "paused"),
        (
            None,
            schedule(None, paused=True, until=START + timedelta(hours=2)),
            "paused until 2026-03-01 10:00 UTC",
        ),
        (None, None, "idle"),
    ],
)
def test_the_line(at_work: RunProgress | None, plan: ScheduleState | None, expected: str) -> None:
    assert status_line(at_work, plan, [], now=START) == expected


def test_the_most_urgent_of_what_is_wrong_is_named_and_the_rest_counted() -> None:
    full = found(Code.DISK_FULL, "x", "the disk is full", since=START - timedelta(seconds=9))
    line = status_line(None, schedule(60), [full], now=START)
    assert line == "idle; next run in 1 min; the disk is full for 9 s"
    lines = status_line(None, schedule(60), [full, full, full], now=START)
    assert lines == f"{line} (and 2 more: testio-sync status)"
