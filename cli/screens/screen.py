"""What goes to a terminal, and how: untrusted text is made harmless first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.screens.table import PlainTable
from rules.diagnosis.observations import Presence
from rules.text.durations import spoken
from storage.engine.readonly import Row

WIDTH_WITHOUT_TERMINAL = 10_000
"""Wide enough that nothing is shortened on the way into a file or another program."""

LONGEST = 2_000
"""Characters of one text that are shown; --json has all of it."""

MAY_BE_SHORTENED = ("product", "name", "title", "state", "what", "why")
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
    """The console for stdout: colours and the real width on a terminal, plain lines elsewhere.

    COLUMNS, where it is set, is the width everywhere.
    """
    is_fitted = sys.stdout.isatty() or "COLUMNS" in os.environ
    width = None if is_fitted else WIDTH_WITHOUT_TERMINAL
    return Console(width=width, highlight=False, markup=False, soft_wrap=False)


def drawn(console: Console, text: str, plain: str) -> str:
    """The text where the console's encoding has its characters, else `plain`, which is ASCII."""
    return plain if console.options.ascii_only else text


def harmless(value: object) -> str:
    """Text without line breaks and terminal sequences, whoever wrote it, and not without end."""
    text = "" if value is None else str(value)
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}..."
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


def show_daemon(console: Console, document: dict[str, Any]) -> None:
    daemon = document["daemon"]
    if daemon is None:
        console.print(f"daemon     {_no_daemon(document)}", style="yellow")
    else:
        up = age(daemon["started_at"], document["at"])
        console.print(f"daemon     pid {daemon['pid']}, version {daemon['version']}, up {up}")
        if document["interval_seconds"] is not None:
            console.print(f"next run   {_next_run(document)}")
        for words in _choices(document["choices"] or {}):
            console.print(f"chosen     {words}")
    console.print(f"database   {document['database']}", soft_wrap=True)


def _no_daemon(document: dict[str, Any]) -> str:
    """In few words; what is wrong stands below."""
    writer = document["writer"]
    pid = f"pid {writer['pid']}" if writer else "it"
    match document["presence"]:
        case Presence.HIDDEN:
            return "not known: this user may not look"
        case Presence.NONE | Presence.KILLED:
            return "none runs on this database"
        case Presence.ONE_SHOT:
            return f"none; a one-shot sync is at work ({pid})"
        case Presence.ELSEWHERE:
            return f"{pid} on another machine"
    return f"{pid}, does not answer"


def _next_run(document: dict[str, Any]) -> str:
    if document["paused"]:
        until = document["paused_until"]
        return f"paused until {minute(until) if until else 'somebody resumes'} (testio-sync resume)"
    if document["next_run_at"] is None:
        return "none: periodic runs are turned off"
    return f"in {age(document['at'], document['next_run_at'])}"


def _choices(choices: dict[str, Any]) -> Iterator[str]:
    """What somebody has changed at run time, and how it is taken back."""
    interval, rate = choices.get("interval_seconds"), choices.get("requests_per_second")
    if interval is not None:
        said = f"a run every {spoken(interval)}" if interval else "no periodic runs"
        yield f"{said} (testio-sync interval default)"
    if choices.get("concurrency") is not None:
        yield f"{choices['concurrency']} requests at once (testio-sync concurrency default)"
    if rate is not None:
        said = f"at most {rate} requests a second" if rate else "no limit of requests a second"
        yield f"{said} (testio-sync rate default)"


def show_current(console: Console, run: dict[str, Any]) -> None:
    state = "cancelling" if run["cancelling"] else f"at work for {run['elapsed_seconds']:.1f} s"
    phases = "   ".join(_phase_text(phase) for phase in run["phases"])
    console.print(f"run {run['run_id']:<6} {state}:   {phases}", style="cyan")


def _phase_text(phase: dict[str, Any]) -> str:
    if phase["total"] is None:
        return f"{phase['phase']} -"
    failed = f" ({phase['failed']} not complete)" if phase["failed"] else ""
    return f"{phase['phase']} {phase['complete'] + phase['failed']}/{phase['total']}{failed}"


def make_table(
    title: str, *columns: str, drop: Sequence[str] = (), wrap: bool = True
) -> PlainTable:
    """A plain table; a column's name that begins with `>` is aligned to the right."""
    return PlainTable(title, *columns, shorten=MAY_BE_SHORTENED, drop=drop, wrap=wrap)


def coloured(word: str) -> Text:
    """An outcome or a status in its colour."""
    return Text(word, style=COLOURS.get(word, ""))


def minute(instant: str) -> str:
    """A stored time for people, in UTC, to the minute."""
    return instant[:16].replace("T", " ")


def age(start: str, end: str) -> str:
    """The time from one instant to another, for people."""
    seconds = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return duration_text(max(0.0, seconds))


def duration_text(seconds: float, *, precise: bool = False) -> str:
    """A duration in its two largest units, e.g. `2 h 5 min`; precise: below a minute `3.1 s`."""
    return f"{seconds:.1f} s" if precise and seconds < 60 else spoken(seconds)


def bytes_text(count: int) -> str:
    """A size for people, e.g. `1.4 MB`; a megabyte is 1,000,000 bytes."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1_000 or unit == "GB":
            break
        size /= 1_000
    return f"{count} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
