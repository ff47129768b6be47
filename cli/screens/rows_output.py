"""Rows of the mirror as a table, as CSV or as JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from cli.common import print_json
from cli.screens.screen import duration_text, harmless, make_console, make_table
from rules.model import Kind
from rules.text.wording import counted
from service.read_through.cached_rows import CachedRows, CacheStatistics
from storage.engine.readonly import Row

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


def show_table(kind: Kind, answer: CachedRows, *, by_test: bool) -> None:
    """The columns that people look for, with each row's age; yellow where it is stale.

    `by_test`: single tests were asked for, not those of products.
    """
    columns = SHOWN[kind]
    numbers = {name for name in columns if name == "id" or name.endswith("_id")}
    table = make_table(
        "",
        *(f">{name}" if name in numbers else name for name in columns),
        "age",
        drop=("product_type", "end_at", "severity"),
        wrap=False,
    )
    for row in answer.rows:
        table.add_row(*(_shown(column, row[column]) for column in columns), _age(row))
    console = make_console()
    if answer.rows:
        console.print(table)
    if kind is Kind.TESTS and by_test:
        for line in _metrics(answer.rows):
            console.print(line)
    console.print(_summary(kind, answer, by_test=by_test), style="dim")


def _metrics(rows: Sequence[Row]) -> list[Text]:
    """What was measured in each test, and how long ago it was fetched."""
    return [
        Text(f"test {row['id']}: {_measured(row['metrics'])}, {_fetched(row)}")
        for row in rows
        if row["metrics_fetched_at"] is not None
    ]


def _fetched(row: Row) -> str:
    age = datetime.now(UTC) - datetime.fromisoformat(row["metrics_fetched_at"])
    return f"as of {duration_text(max(0.0, age.total_seconds()))} ago"


def _measured(metrics: Row) -> str:
    """`4 testers, 6 devices, 3 of 5 features tested (2 passed, 1 failed), …, 3 bugs`."""
    found = metrics.get("analytics")
    if not isinstance(found, dict):
        return "no metrics"
    parts = [
        f"{harmless(found[name])} {what}"
        for name, what in (("testers_count", "testers"), ("devices_count", "devices"))
        if name in found
    ]
    kinds = [name for name in ("features", "user_stories") if f"total_{name}" in found]
    parts += [_executed(found, name) for name in kinds]
    if "total_bugs" in found:
        parts.append(f"{harmless(found['total_bugs'])} bugs")
    return ", ".join(parts) or "no metrics"


def _executed(found: Row, things: str) -> str:
    states = [
        f"{harmless(found[f'{state}_{things}'])} {state}"
        for state in ("passed", "failed", "blocked")
        if f"{state}_{things}" in found
    ]
    how = f" ({', '.join(states)})" if states else ""
    tested, total = (harmless(found.get(f"{what}_{things}")) for what in ("tested", "total"))
    return f"{tested} of {total} {things.replace('_', ' ')} tested{how}"


def _shown(column: str, value: Any) -> str:
    text = harmless(value)
    return text[:16].replace("T", " ") if column.endswith("_at") else text


def _age(row: Row) -> Text:
    if row["deleted_at"] is not None:
        return Text("gone", style="red")
    age = "" if row["age_seconds"] is None else duration_text(row["age_seconds"])
    return Text(f"{age}, stale" if row["is_stale"] else age, "yellow" if row["is_stale"] else "")


def _summary(kind: Kind, answer: CachedRows, *, by_test: bool) -> str:
    """`12 features (of 4 products: 3 from the database, 1 refreshed)`."""
    found = answer.statistics
    words = {
        "from the database": found.hits,
        "refreshed": found.refreshed,
        "stale": found.stale,
    }
    there = {word: count for word, count in words.items() if count}
    rows = counted(len(answer.rows), kind.value.removesuffix("s"))
    if not there:
        return rows
    if len(there) == 1:
        how = next(iter(there))
        of = _owners(kind, sum(there.values()), by_test=by_test)
        return f"{rows} ({of}, {how})" if of else f"{rows} ({how})"
    parts = ", ".join(f"{count} {word}" for word, count in there.items())
    of = _owners(kind, sum(there.values()), by_test=by_test)
    return f"{rows} ({of}: {parts})" if of else f"{rows} ({parts})"


def _owners(kind: Kind, count: int, *, by_test: bool) -> str:
    """What the rows were read of, each in one go; nothing where that is the rows themselves."""
    if kind is Kind.PRODUCTS or (kind is Kind.TESTS and by_test):
        return ""
    return f"of {counted(count, 'test' if kind is Kind.BUGS else 'product')}"
