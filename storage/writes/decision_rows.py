"""What a person decides about held deletions and about records that could not be used."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Connection

from rules.model import Kind
from storage.engine.database import Database
from storage.engine.times import as_text
from storage.writes import deletion_rows
from storage.writes.quarantine_rows import CLEARED

PATIENCE_SECONDS = 2.0
"""A person waits for the answer; somebody else's transaction is not waited for longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A held set or an entry of the quarantine, and what became of it.

    `rows`: rows that were marked. `before`: how it had been decided before; None if it was open.
    """

    id: int
    product_id: int
    kind: Kind
    rows: int = 0
    before: str | None = None


class DecisionRows:
    """Decisions, each in one transaction that is on disk on return. Raises StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def accept(self, held_id: int, *, at: datetime) -> Decided | None:
        """Mark the rows of a held set as deleted; None if there is no such set."""
        with self._transaction() as connection:
            row = connection.execute(HELD_SET, (held_id,)).fetchone()
            if row is None:
                return None
            marked = deletion_rows.accept(connection, held_id, as_text(at))
        before = None if row[2] == "held" else str(row[2])
        kind = Kind(row[1])
        return Decided(id=held_id, product_id=row[0], kind=kind, rows=marked or 0, before=before)

    def clear(self, entry_id: int, *, at: datetime) -> Decided | None:
        """Close an entry of the quarantine; None if there is no such entry."""
        with self._transaction() as connection:
            row = connection.execute(ENTRY, (entry_id,)).fetchone()
            if row is None:
                return None
            if row[2] is None:
                connection.execute(CLEAR, (as_text(at), CLEARED, entry_id))
        return Decided(id=entry_id, product_id=row[0], kind=Kind(row[1]), before=row[2])

    def retry(self, ids: Collection[int] | None) -> tuple[Decided, ...]:
        """Let the next run try these open entries, None means all; returns those that are open."""
        wanted = None if ids is None else json.dumps(sorted(ids))
        with self._transaction() as connection:
            found = connection.execute(RETRY, {"ids": wanted}).fetchall()
        return tuple(Decided(id=row[0], product_id=row[1], kind=Kind(row[2])) for row in found)

    def failing(self) -> tuple[tuple[int, Kind], ...]:
        """The product and kind of every cursor that fails."""
        with self._transaction() as connection:
            found = connection.execute(FAILING).fetchall()
        return tuple((row[0], Kind(row[1])) for row in found)

    def _transaction(self) -> AbstractContextManager[Connection]:
        return self._database.transaction(durable=True, patience=PATIENCE_SECONDS)


HELD_SET = "SELECT product_id, kind, status FROM held_deletions WHERE id = ?"

ENTRY = """
SELECT product_id, kind,
    CASE WHEN resolved_at IS NOT NULL THEN coalesce(resolution, 'resolved') END
FROM quarantine WHERE id = ?
"""

CLEAR = "UPDATE quarantine SET resolved_at = ?, resolution = ? WHERE id = ?"

RETRY = """
UPDATE quarantine SET probe_after = NULL
WHERE resolved_at IS NULL AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
RETURNING id, product_id, kind
"""

FAILING = "SELECT product_id, kind FROM sync_cursors WHERE failing_since IS NOT NULL"
