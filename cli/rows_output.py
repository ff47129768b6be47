"""Rows of the mirror as a table, as CSV or as JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from cli.common import print_json
from cli.screen import duration_text, harmless, make_console
from rules.model import Kind
from service.cached_rows import CachedRows, CacheStatistics
from storage.queries import Row

SHOWN = {
    Kind.PRODUCTS: ("id", "name", "product_type"),
    Kind.FEATURES: ("id", "product_id", "title"),
    Kind.TESTS: ("id", "product_id", "status", "end_at", "title"),
    Kind.BUGS: ("id", "test_id", "severity", "status", "title"),
}
"""The columns of the table, which also shows the age."""

ALSO_IN_CSV = {
    Kind.PRODUCTS: ("has_sections",),
    Kind.FEATURES: (),
    Kind.TESTS: ("review_status", "testing_type", "start_at"),
    Kind.BUGS: (),
}
OF_EVERY_ROW = ("first_seen_at", "changed_at", "synced_at", "deleted_at", "age_seconds", "is_stale")


def show_json(answer: CachedRows) -> None:
    """The rows with all their columns, and the statistics."""
    print_json({"rows": list(answer.rows), "statistics": _plain(answer.statistics)})


def _plain(statistics: CacheStatistics) -> dict[str, Any]:
    errors = [
        {
            "what": str(problem.entity),
            **asdict(problem.entity),
            "error": problem.error.value,
            "message": problem.message,
            "age_seconds": problem.age_seconds,
        }
        for problem in statistics.errors
    ]
    return asdict(statistics) | {"errors": errors}


def show_csv(kind: Kind, rows: Sequence[Row]) -> None:
    """A head line and a line for each row; null is empty. Without `data`: that is in --json."""
    columns = (*SHOWN[kind], *ALSO_IN_CSV[kind], *OF_EVERY_ROW)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)


def _cell(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value


def show_table(kind: Kind, answer: CachedRows) -> None:
    """The columns that people look for, with each row's age; yellow where it is stale."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in SHOWN[kind]:
        wide = column in ("title", "name")
        right = column == "id" or column.endswith("_id")
        table.add_column(
            column,
            justify="right" if right else "left",
            header_style="dim",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if wide else None,
        )
    table.add_column("age", header_style="dim", no_wrap=True)
    for row in answer.rows:
        table.add_row(*(_shown(column, row[column]) for column in SHOWN[kind]), _age(row))
    console = make_console()
    if answer.rows:
        console.print(table)
    console.print(_summary(kind, answer), style="dim")


def _shown(column: str, value: Any) -> str:
    text = harmless(value)
    return text[:16].replace("T", " ") if column.endswith("_at") else text


def _age(row: Row) -> Text:
    if row["deleted_at"] is not None:
        return Text("gone", style="red")
    age = "" if row["age_seconds"] is None else duration_text(row["age_seconds"])
    return Text(f"{age}, stale" if row["is_stale"] else age, "yellow" if row["is_stale"] else "")


def _summary(kind: Kind, answer: CachedRows) -> str:
    found = answer.statistics
    parts = [f"{len(answer.rows)} {kind.value}"]
    parts += [
        f"{count} {word}"
        for count, word in (
            (found.hits, "from the database"),
            (found.refreshed, "refreshed"),
            (found.stale, "stale"),
        )
        if count
    ]
    return ", ".join(parts)
