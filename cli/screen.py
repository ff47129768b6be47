"""The status screen and the lines of events, for people. Untrusted text is made harmless first."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.settings import Settings
from rules.durations import spoken
from storage.queries import Row

WIDTH_WITHOUT_TERMINAL = 110
PRODUCTS_SHOWN = 12
COLOURS = {
    "success": "green",
    "complete": "green",
    "running": "cyan",
    "partial": "yellow",
    "cancelled": "yellow",
    "interrupted": "yellow",
    "skipped": "yellow",
    "failed": "red",
}


def make_console() -> Console:
    """The console for stdout: colours and the real width on a terminal, plain text elsewhere."""
    width = None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL
    return Console(width=width, highlight=False, markup=False, soft_wrap=False)


def harmless(value: object) -> str:
    """Text without line breaks and terminal sequences, whoever wrote it."""
    text = "" if value is None else str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def event_line(row: Row) -> str:
    """One event as one line."""
    place = [f"run {row['run_id']}"] if row["run_id"] is not None else []
    place += [row["phase"]] if row["phase"] else []
    place += [f"product {row['product_id']}"] if row["product_id"] else []
    parts = [
        f"{row['id']:>6}",
        row["at"][:19].replace("T", " "),
        f"{row['event']:<20}",
        " ".join(place),
        row["outcome"] or "",
        f"{row['duration_seconds']:.3f} s" if row["duration_seconds"] else "",
        row["error"] or _detail(row["detail"]),
    ]
    return "  ".join(harmless(part) for part in parts if part)


def _detail(detail: dict[str, Any] | None) -> str:
    return ", ".join(f"{key}={value}" for key, value in (detail or {}).items())


def show_status(document: dict[str, Any], settings: Settings, *, every_product: bool) -> None:
    """The whole screen."""
    console = make_console()
    _show_daemon(console, document)
    if document["current_run"]:
        _show_current(console, document["current_run"])
    if not document["runs"]:
        nothing = f"\nNothing was synced into {settings.db_path} yet: run `testio-sync sync`."
        console.print(nothing, soft_wrap=True)
        return
    _show_runs(console, document["runs"], is_written=document["writer"] is not None)
    _show_freshness(console, document["freshness"], every_product=every_product)
    _show_problems(console, document["problems"])


def _show_daemon(console: Console, document: dict[str, Any]) -> None:
    daemon = document["daemon"]
    if daemon is None:
        console.print(f"daemon     {_no_daemon(document['writer'])}", style="yellow")
    else:
        up = age(daemon["started_at"], document["at"])
        console.print(f"daemon     pid {daemon['pid']}, version {daemon['version']}, up {up}")
        console.print(f"next run   {_next_run(document)}")
    console.print(f"database   {document['database']}", soft_wrap=True)
    if document["trouble"]:
        console.print(f"trouble    cannot write: {harmless(document['trouble'])}", style="red")


def _no_daemon(writer: dict[str, Any] | None) -> str:
    if writer is None:
        return "none runs on this database"
    if writer["role"] == "daemon":
        return f"pid {writer['pid']} holds the writer lock, but does not answer"
    return f"none; a one-shot sync is at work (pid {writer['pid']})"


def _next_run(document: dict[str, Any]) -> str:
    if document["paused"]:
        return "none: paused (testio-sync resume)"
    if document["next_run_at"] is None:
        return "none: periodic runs are turned off"
    return f"in {age(document['at'], document['next_run_at'])}"


def _show_current(console: Console, run: dict[str, Any]) -> None:
    state = "cancelling" if run["cancelling"] else f"at work for {run['elapsed_seconds']:.1f} s"
    phases = "   ".join(_phase_text(phase) for phase in run["phases"])
    console.print(f"run {run['run_id']:<6} {state}:   {phases}", style="cyan")


def _phase_text(phase: dict[str, Any]) -> str:
    if phase["total"] is None:
        return f"{phase['phase']} -"
    failed = f" ({phase['failed']} not complete)" if phase["failed"] else ""
    return f"{phase['phase']} {phase['complete'] + phase['failed']}/{phase['total']}{failed}"


def _show_runs(console: Console, runs: list[Row], *, is_written: bool) -> None:
    title = "Last runs (times in UTC; new and changed are tests)"
    columns = ("run", "status", "by", "started", ">seconds", ">products", ">new", ">changed")
    table = make_table(title, *columns)
    for run in runs:
        duration = run["duration_seconds"]
        table.add_row(
            str(run["id"]),
            _run_state(run, is_written=is_written),
            run["trigger_source"],
            minute(run["started_at"]),
            "" if duration is None else f"{duration:.1f}",
            *_numbers(run),
        )
    console.print(table)


def _run_state(run: Row, *, is_written: bool) -> Text:
    """A run that nobody works on any more was killed; the next start says so in the database."""
    killed = run["status"] == "running" and not is_written
    return Text("killed", style="red") if killed else _coloured(run["status"])


def _numbers(run: Row) -> tuple[str, str, str]:
    if run["completed_at"] is None:
        return "", "", ""
    products = f"{run['products_synced']} of {run['products_synced'] + run['products_failed']}"
    return products, str(run["tests_discovered"]), str(run["tests_updated"])


def _show_freshness(console: Console, rows: list[Row], *, every_product: bool) -> None:
    shown = rows if every_product else rows[:PRODUCTS_SHOWN]
    table = make_table(
        "Freshness, worst first", "product", "kind", ">rows", "complete as of", "age", "state"
    )
    for row in shown:
        name = harmless(row["product_name"])[:40]
        table.add_row(
            f"{row['product_id']} {name}".strip() if row["product_id"] else "the product list",
            row["kind"],
            str(row["rows"]),
            "never" if row["complete_as_of"] is None else minute(row["complete_as_of"]),
            "" if row["age_seconds"] is None else duration_text(row["age_seconds"]),
            _state(row),
        )
    console.print(table)
    if len(shown) < len(rows):
        console.print(f"… and {len(rows) - len(shown)} more; testio-sync status --all")


def _state(row: Row) -> Text:
    if row["failing_since"]:
        return Text(f"{row['last_outcome']} since {minute(row['failing_since'])}", style="red")
    if row["complete_as_of"] is None:
        return Text("not fetched yet", style="yellow")
    if row["holes"]:
        return Text(f"{row['holes']} holes", style="yellow")
    since = f" from {row['complete_from'][:10]} on" if row["complete_from"] else ""
    if row["stale"]:
        return Text(f"stale{since}", style="yellow")
    return Text(f"complete{since}", style="green")


def _show_problems(console: Console, problems: list[Row]) -> None:
    if not problems:
        return
    table = make_table("Problems", "product", "kind", "since", ">times", "what")
    for row in problems:
        table.add_row(
            str(row["product_id"] or "-"),
            row["kind"],
            minute(row["since"]),
            str(row["times"]),
            harmless(row["error"]),
        )
    console.print(table)


def make_table(title: str, *columns: str) -> Table:
    """A plain table; a column's name that begins with `>` is aligned to the right."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    for column in columns:
        right = column.startswith(">")
        table.add_column(
            column.lstrip(">"),
            justify="right" if right else "left",
            header_style="dim",
            no_wrap=column in ("product", "kind", "age", "complete as of", "started", "where"),
            overflow="ellipsis",
        )
    return table


def _coloured(word: str) -> Text:
    return Text(word, style=COLOURS.get(word, ""))


def minute(instant: str) -> str:
    """A stored time for people, in UTC, to the minute."""
    return instant[:16].replace("T", " ")


def age(start: str, end: str) -> str:
    """The time from one instant to another, for people."""
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return duration_text(max(0.0, seconds))


def duration_text(seconds: float) -> str:
    """A duration in its two largest units, e.g. `2 h 5 min`."""
    return spoken(seconds)
