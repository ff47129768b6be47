"""The table of runs: what is not known is left blank."""

from __future__ import annotations

from typing import Any

import pytest

from cli.screens.runs_table import runs_table

ENDED: dict[str, Any] = {
    "id": 7,
    "status": "partial",
    "trigger_source": "cli",
    "started_at": "2026-03-01T08:00:00.000000Z",
    "completed_at": "2026-03-01T08:00:02.000000Z",
    "duration_seconds": 2.0,
    "products_synced": 3,
    "products_failed": 1,
    "tests_discovered": 5,
    "tests_updated": 0,
}


def cells(*, is_written: bool = False, **other: Any) -> str:
    _, line = runs_table([ENDED | other], is_written=is_written).lines(100, more="…")
    return " ".join(str(line).split())


@pytest.mark.parametrize(
    ("run", "shown"),
    [
        ({}, "7 partial cli 2026-03-01 08:00 2.0 3 of 4 5 0"),
        ({"status": "interrupted"}, "7 interrupted cli 2026-03-01 08:00 2.0"),
        (
            {"status": "running", "completed_at": None, "duration_seconds": None},
            "7 killed cli 2026-03-01 08:00",
        ),
    ],
)
def test_what_nobody_has_counted_is_no_zero(run: dict[str, Any], shown: str) -> None:
    assert cells(**run) == shown


def test_a_run_that_somebody_works_on_was_not_killed() -> None:
    shown = cells(status="running", completed_at=None, duration_seconds=None, is_written=True)
    assert shown == "7 running cli 2026-03-01 08:00"
