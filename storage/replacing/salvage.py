"""Takes from a damaged database what can still be read, row by row, into a new one.

What the remote cannot give again is taken as it is: runs, events, what people decided, when a row
was first seen, what is gone. Claims are not: no listing vouches for a saved row, and its content
is written anew when the remote shows it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Float, Integer, Table

from rules.mirror.contents import hash_of_stored, older_hashes
from rules.mirror.salvage import Field, Gaps, Type, Value, sound_row
from storage.engine.revision import REVISION
from storage.migrations.renewing import excerpt_without_secrets, text_without_secrets
from storage.schema import (
    TABLES,
    feature_sections,
    features,
    held_deletions,
    quarantine,
    sections,
    settings,
    sync_events,
    sync_runs,
    test_metrics,
    user_stories,
)
from storage.settings.account_rows import NAMES

SAVED_TABLES = (
    *(settings, sync_runs, sync_events, quarantine, held_deletions),
    *(*TABLES.values(), test_metrics, sections, feature_sections, user_stories),
)
"""What is not here the next sync makes anew: cursors, notes of single fetches."""
UNVOUCHED: Mapping[str, Value] = {
    "listed_in": None,
    "missed_in": None,
    "checked_in": None,
    "content_hash": "",
}
KINDS = {table: kind for kind, table in TABLES.items()}
SCRUBBED_TABLES: Mapping[Table, tuple[str, Callable[[str], str]]] = {
    test_metrics: ("data", text_without_secrets),
    quarantine: ("excerpt", excerpt_without_secrets),
}
"""What earlier versions may have stored is not saved: passwords of test environments."""

Stored = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedTable:
    """`refused`: rows that could be read and are not sound. `is_cut`: some could not be read."""

    name: str
    saved: int = 0
    refused: int = 0
    is_cut: bool = False


def salvage(source: sqlite3.Connection | None, into: sqlite3.Connection) -> list[SavedTable]:
    """Save all that is sound, within a transaction of the caller. None: nothing can be read."""
    if source is None:
        return [SavedTable(name=table.name, is_cut=True) for table in SAVED_TABLES]
    saved = [_save(source, into, table) for table in _tables_there(source)]
    _keep_account_whole(into)
    for table in (sync_events, held_deletions):
        _keep_counting(source, into, table.name)
    return saved


def unsound_rows(source: sqlite3.Connection) -> list[SavedTable]:
    """The tables with rows that this program cannot have written, though SQLite reads them."""
    looked_at = [_look(source, table) for table in _tables_there(source)]
    return [each for each in looked_at if each.refused or each.is_cut]


def _tables_there(source: sqlite3.Connection) -> tuple[Table, ...]:
    """All of them, but for those that an older schema has not; a lost one is no such table."""
    try:
        row = source.execute("SELECT CAST(version_num AS TEXT) FROM alembic_version").fetchone()
        found = source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except sqlite3.DatabaseError:
        return SAVED_TABLES
    if row is None or bytes(row[0]) >= REVISION.encode():
        return SAVED_TABLES
    names = {bytes(name).decode(errors="replace") for (name,) in found}
    return tuple(table for table in SAVED_TABLES if table.name in names)


def _save(source: sqlite3.Connection, into: sqlite3.Connection, table: Table) -> SavedTable:
    reader = _Reader(source, table)
    saved = refused = 0
    for row in reader.rows():
        values = reader.sound(row)
        written = values is not None and into.execute(reader.insert, values).rowcount > 0
        saved, refused = saved + written, refused + (not written)
    return SavedTable(name=table.name, saved=saved, refused=refused, is_cut=reader.is_cut)


def _look(source: sqlite3.Connection, table: Table) -> SavedTable:
    reader = _Reader(source, table)
    refused = sum(reader.sound(row) is None for row in reader.rows())
    return SavedTable(name=table.name, refused=refused, is_cut=reader.is_cut)


class _Reader:
    """Reads one table, past what cannot be read."""

    def __init__(self, source: sqlite3.Connection, table: Table) -> None:
        self._source = source
        self._table = table
        self._fields = self._fields_there()
        self._gaps = Gaps()
        names = ", ".join(f'"{field.name}"' for field in self._fields)
        marks = ", ".join("?" for _ in self._fields)
        self._select = (
            f"SELECT rowid, {names} FROM {table.name} NOT INDEXED"
            " WHERE rowid BETWEEN ? AND ? ORDER BY rowid"
        )
        self.insert = f"INSERT OR IGNORE INTO {table.name} ({names}) VALUES ({marks})"

    @property
    def is_cut(self) -> bool:
        """Whether a part of the table could not be read, or all of it."""
        return self._gaps.has_lost or not self._fields

    def _fields_there(self) -> tuple[Field, ...]:
        """Our columns that the source has: an older schema has fewer."""
        try:
            found = self._source.execute(f"PRAGMA table_info({self._table.name})").fetchall()
        except sqlite3.DatabaseError:
            return ()
        there = {bytes(row[1]).decode(errors="replace") for row in found}
        return tuple(
            Field(
                name=column.name,
                type=_type_of(column.type),
                required=not column.nullable,
            )
            for column in self._table.columns
            if column.name in there
        )

    def rows(self) -> Iterator[Stored]:
        """Every row that can be read, as it is stored."""
        while self._fields and (gap := self._gaps.take()) is not None:
            low = yield from self._scan(*gap, step=1)
            if low is not None:
                high = yield from self._scan(low, gap[1], step=-1)
                self._gaps.failed(low, gap[1] if high is None else high)

    def _scan(self, low: int, high: int, *, step: int) -> Generator[Stored, None, int | None]:
        """Rows from one end on; returns the id at which reading failed, None if it did not.

        Damaged pages may lead in circles: ids that do not go on are a failure, too.
        """
        at = low if step > 0 else high
        statement = self._select if step > 0 else f"{self._select} DESC"
        try:
            for key, *values in self._source.execute(statement, (low, high)):
                if (key - at) * step < 0:
                    return at
                yield tuple(values)
                at = key + step
        except sqlite3.DatabaseError:
            return at
        return None

    def sound(self, stored: Stored) -> tuple[Value, ...] | None:
        """The row as it is to be written; None if it is not to be trusted."""
        values = sound_row(self._fields, stored)
        if values is None or self._table not in (*KINDS, *SCRUBBED_TABLES):
            return values
        row = {field.name: value for field, value in zip(self._fields, values, strict=True)}
        if self._table in SCRUBBED_TABLES:
            column, clean = SCRUBBED_TABLES[self._table]
            return tuple((row | {column: clean(str(row[column]))}).values())
        if row["content_hash"] not in self._hashes(row):
            return None
        unvouched = {key: value for key, value in UNVOUCHED.items() if key in row}
        if self._table is features and row["section_ids"] == "[]":
            unvouched["section_ids"] = None  # "in none" is a claim, and once meant "not told"
        unvouched["data"] = text_without_secrets(str(row["data"]))
        return tuple((row | unvouched).values())

    def _hashes(self, row: Mapping[str, Value]) -> tuple[str, ...]:
        """Those that its content may have: the schema may be an older one, and a row that was
        saved once before has none."""
        data, sections = str(row["data"]), json.loads(str(row.get("section_ids") or "[]"))
        return ("", hash_of_stored(KINDS[self._table], data), *older_hashes(data, sections))


def _type_of(declared: object) -> Type:
    if isinstance(declared, Integer):
        return Type.INTEGER
    return Type.REAL if isinstance(declared, Float) else Type.TEXT


def _keep_account_whole(into: sqlite3.Connection) -> None:
    """Without one of its rows the account cannot be recognised; the next sync records it."""
    marks = ", ".join("?" for _ in NAMES)
    where = f"WHERE name IN ({marks})"
    found = into.execute(f"SELECT count(*) FROM settings {where}", NAMES).fetchone()[0]
    if found < len(NAMES):
        into.execute(f"DELETE FROM settings {where}", NAMES)


def _keep_counting(source: sqlite3.Connection, into: sqlite3.Connection, table: str) -> None:
    """Ids are never used again, not even those of rows that are lost."""
    try:
        row = source.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    except sqlite3.DatabaseError:
        return
    if row is None or not isinstance(row[0], int) or not 0 < row[0] < 2**53:
        return
    mine = into.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    if mine is None:
        into.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, row[0]))
    elif mine[0] < row[0]:
        into.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (row[0], table))
