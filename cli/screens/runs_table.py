"""The table of runs that `status` and `runs` show."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from cli.screens.screen import coloured, make_table, minute
from cli.screens.table import PlainTable
from rules.model import RunStatus
from storage.engine.readonly import Row

TITLE = "Last runs (times in UTC; new and changed are tests)"
DROP = ("by", "changed", "new", "seconds")
"""What a narrow screen goes without, in this order."""


def runs_table(
    runs: Sequence[Row], *, is_written: bool, title: str = TITLE, drop: Sequence[str] = DROP
) -> PlainTable:
    """The runs, newest first. `is_written`: whether any process writes to the database now."""
    table = make_table(
        title,
        *(">run", "status", "by", "started", ">seconds", ">products", ">new", ">changed"),
        drop=drop,
        wrap=False,
    )
    for run in runs:
        table.add_row(
            str(run["id"]),
            run_state(run, is_written=is_written),
            run["trigger_source"],
            minute(run["started_at"]),
            "" if run["duration_seconds"] is None else f"{run['duration_seconds']:.1f}",
            *_numbers(run),
        )
    return table


def run_state(run: Row, *, is_written: bool) -> Text:
    """A run that nobody works on any more was killed; the next start says so in the database."""
    killed = run["status"] == "running" and not is_written
    return Text("killed", style="red") if killed else coloured(run["status"])


def is_counted(run: Row) -> bool:
    """Whether what it came to is known: of a process that was killed nobody has counted."""
    return run["completed_at"] is not None and run["status"] != RunStatus.INTERRUPTED


def _numbers(run: Row) -> tuple[str, str, str]:
    if not is_counted(run):
        return "", "", ""
    products = f"{run['products_synced']} of {run['products_synced'] + run['products_failed']}"
    return products, str(run["tests_discovered"]), str(run["tests_updated"])
