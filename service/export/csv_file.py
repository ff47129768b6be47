"""Tables as CSV: times and JSON as they stand in the database, null as nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from storage.reads.export_tables import ExportedColumn

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell of text that begins like this is a formula to a spreadsheet."""


def write_csv(
    path: Path,
    columns: Sequence[ExportedColumn],
    batches: Iterable[Sequence[tuple[Any, ...]]],
    *,
    is_safe: bool = False,
) -> int:
    """Write all rows, UTF-8, a head line first; how many there were.

    `is_safe`: text that a spreadsheet would take for a formula gets an apostrophe before it.
    Raises OSError.
    """
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in columns)
        for rows in batches:
            writer.writerows(map(_harmless, rows) if is_safe else rows)
            count += len(rows)
    return count


def _harmless(row: tuple[Any, ...]) -> list[Any]:
    return [f"'{v}" if isinstance(v, str) and v.startswith(FORMULA) else v for v in row]
