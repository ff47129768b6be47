"""Tables as other tools get them: which there are, their columns' types, their rows in batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from storage.engine.readonly import open_readonly

TABLES = (
    "products",
    "features",
    "tests",
    "bugs",
    "sections",
    "feature_sections",
    "user_stories",
    "test_metrics",
    "freshness",
    "sync_runs",
    "sync_events",
    "quarantine",
    "held_deletions",
    "sync_cursors",
    "fetches",
)
"""All that docs/schema.md describes but `settings`, which holds the token's fingerprint."""

BATCH = 5_000


class ColumnType(StrEnum):
    """What the values of a column are; lists and objects are JSON text."""

    INTEGER = "integer"
    REAL = "real"
    TIME = "time"
    TEXT = "text"


TIMES = frozenset(
    {
        "at",
        "complete_as_of",
        "complete_from",
        "current_as_of",
        "failing_since",
        "listed_as_of",
        "probe_after",
        "sections_as_of",
    }
)
COMPUTED = {
    "age_seconds": ColumnType.REAL,
    "rows": ColumnType.INTEGER,
    "holes": ColumnType.INTEGER,
    "product_id": ColumnType.INTEGER,
}
"""Columns of the view `freshness` for which SQLite names no type."""


@dataclass(frozen=True, slots=True)
class ExportedColumn:
    """A column by its name and what it holds."""

    name: str
    type: ColumnType


def columns_of(connection: sqlite3.Connection, table: str) -> tuple[ExportedColumn, ...]:
    """The columns of a table in its order; empty if this database has no such table."""
    found = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,))
    return tuple(ExportedColumn(name, _type(name, declared)) for name, declared in found)


def _type(name: str, declared: str) -> ColumnType:
    if name in TIMES or name.endswith("_at"):
        return ColumnType.TIME
    if declared.upper() in ("INTEGER", "FLOAT"):
        return ColumnType.INTEGER if declared.upper() == "INTEGER" else ColumnType.REAL
    return COMPUTED.get(name, ColumnType.TEXT)


@contextmanager
def snapshot(path: Path) -> Iterator[sqlite3.Connection]:
    """A handle that sees one moment of the database for as long as it is open, rows as tuples.

    Raises StorageError.
    """
    with open_readonly(path) as connection:
        connection.row_factory = None
        connection.isolation_level = None
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection


def batches(
    connection: sqlite3.Connection, table: str, columns: Sequence[ExportedColumn], *, deleted: bool
) -> Iterator[list[tuple[Any, ...]]]:
    """All rows in order, a few thousand at a time; rows marked as deleted only if asked for."""
    names = ", ".join(f'"{column.name}"' for column in columns)
    has_mark = any(column.name == "deleted_at" for column in columns)
    condition = "WHERE deleted_at IS NULL" if has_mark and not deleted else ""
    order = ", ".join(str(number) for number in range(1, min(2, len(columns)) + 1))
    cursor = connection.execute(f'SELECT {names} FROM "{table}" {condition} ORDER BY {order}')
    while rows := cursor.fetchmany(BATCH):
        yield rows
