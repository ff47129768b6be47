"""The screen of `testio-sync status`: what needs a person first, and as much as fits."""

from __future__ import annotations

import textwrap
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.screens.runs_table import runs_table
from cli.screens.screen import (
    age,
    drawn,
    duration_text,
    harmless,
    make_console,
    make_table,
    minute,
    show_current,
    show_daemon,
)
from rules.diagnosis.diagnose import UNVOUCHED
from rules.diagnosis.findings import Severity
from rules.text.wording import counted
from storage.engine.readonly import Row

ROWS_WITHOUT_TERMINAL = 12
FEWEST_ROWS = 3
HEADINGS = 4
"""Lines that freshness takes beside its rows: a blank, title, column names, `and 3 more`."""

PROMPT = 1
STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFORMATION: ""}


def show_status(document: dict[str, Any], *, every_product: bool) -> None:
    """The whole screen; on a terminal cut to its height, unless every product is asked for."""
    console = make_console()
    used = _print(console, lambda: _show_head(console, document))
    is_short = console.is_terminal and not every_product and console.size.height < 30
    used += _print(console, lambda: _show_attention(console, document["attention"]))
    if not document["runs"]:
        return
    runs = document["runs"][:FEWEST_ROWS] if is_short else document["runs"]
    table = runs_table(runs, is_written=document["writer"] is not None)
    used += _print(console, lambda: console.print("", table, sep="\n"))
    room = ROWS_WITHOUT_TERMINAL
    if console.is_terminal:
        room = max(FEWEST_ROWS, console.size.height - used - HEADINGS - PROMPT)
    rows = document["freshness"]
    _show_freshness(console, rows if every_product else _first(rows, room), document)


def _print(console: Console, show: Any) -> int:
    """Show something; how many lines it took, a long path perhaps several."""
    with console.capture() as capture:
        show()
    text = capture.get()
    console.file.write(text)
    lines = (Text.from_ansi(line).cell_len for line in text.splitlines())
    return sum(max(1, -(-length // console.width)) for length in lines)


def _first(rows: list[Row], room: int) -> list[Row]:
    return rows if len(rows) <= room + 1 else rows[:room]


def _show_head(console: Console, document: dict[str, Any]) -> None:
    show_daemon(console, document)
    if document["current_run"]:
        show_current(console, document["current_run"])


def _show_attention(console: Console, attention: list[dict[str, Any]]) -> None:
    """What is wrong, and the next action; on a narrow screen the action has a line of its own."""
    console.print()
    if not attention:
        console.print("All is well: everything is complete and fresh.", style="green")
        return
    is_calm = all(each["severity"] == Severity.INFORMATION for each in attention)
    if is_calm and all(each["code"] in UNVOUCHED for each in attention):
        console.print("Everything is complete and fresh.", style="green")
    console.print(Text("Worth knowing" if is_calm else "Needs attention", style="bold"))
    arrow = drawn(console, "→", "->")
    for concern in attention:
        style = STYLES[concern["severity"]]
        what, action = harmless(concern["said"]), f"{arrow} {harmless(concern['action'])}"
        if len(what) + len(action) + 3 <= console.width:
            console.print(Text.assemble((what, style), " ", action))
        else:
            _print_folded(console, what, "", style=style)
            _print_folded(console, action, "  ")


def _print_folded(console: Console, line: str, indent: str, *, style: str = "") -> None:
    """Over several lines where it has to be, without blanks at their ends."""
    width = max(20, console.width)
    for part in textwrap.wrap(line, width, initial_indent=indent, subsequent_indent=indent * 2):
        console.print(Text(part, style=style))


def _show_freshness(console: Console, shown: list[Row], document: dict[str, Any]) -> None:
    console.print()
    table = make_table(
        "Freshness, worst first",
        *("product", "kind", ">rows", "complete as of", "age", "state"),
        drop=("age", "rows"),
        wrap=False,
    )
    for row in shown:
        name = harmless(row["product_name"])[:40]
        table.add_row(
            f"{row['product_id']} {name}".strip() if row["product_id"] else "the product list",
            row["kind"],
            str(row["rows"]),
            "never" if row["complete_as_of"] is None else minute(row["complete_as_of"]),
            "" if row["age_seconds"] is None else duration_text(row["age_seconds"]),
            _state(row, document["at"]),
        )
    console.print(table)
    left = len(document["freshness"]) - len(shown)
    if left > 0:
        console.print(f"{drawn(console, '…', '...')} and {left} more: testio-sync status --all")


def _state(row: Row, now: str) -> Text:
    if row["failing_since"]:
        return Text(f"{row['last_outcome']} for {age(row['failing_since'], now)}", style="red")
    if row["complete_as_of"] is None:
        return Text("not fetched yet", style="yellow")
    if row["holes"]:
        return Text(counted(row["holes"], "hole"), style="yellow")
    since = f" from {row['complete_from'][:10]} on" if row["complete_from"] else ""
    if row["stale"]:
        return Text(f"stale{since}", style="yellow")
    return Text(f"complete{since}", style="green")
