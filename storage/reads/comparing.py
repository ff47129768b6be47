"""What differs between two copies of a mirror, of the same schema: for the dry run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from rules.model import Kind
from storage.engine.readonly import Row, open_readonly

TITLES = {Kind.PRODUCTS: "name", Kind.FEATURES: "title", Kind.TESTS: "title"}
"""The tables compared, and the column that names a row to people."""


class Change(StrEnum):
    """What would happen to a row."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    REVIVED = "revived"
    HELD = "held"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One row: `what` names its changed fields, else its title or why it is held."""

    kind: Kind
    id: int
    change: Change
    what: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.id} {self.change.value}: {self.what}"


def compare_mirrors(before: Path, after: Path, *, run_id: int) -> Iterator[RowChange]:
    """The rows in which `after` differs, by kind and id, and what `run_id` held back in it.

    Raises StorageError.
    """
    with open_readonly(after) as connection:
        connection.execute("ATTACH DATABASE ? AS old", (f"{before.absolute().as_uri()}?mode=ro",))
        for kind in TITLES:
            yield from _changes(connection, kind)
        yield from _held(connection, run_id)


def _changes(connection: sqlite3.Connection, kind: Kind) -> Iterator[RowChange]:
    query = DIFFERENCES.format(
        table=kind.value,
        title=TITLES[kind],
        sections=SECTIONS if kind is Kind.FEATURES else NO_SECTIONS,
    )
    for row in connection.execute(query):
        change = Change(row["change"])
        what = row["title"] or "without a title"
        if change is Change.CHANGED:
            what = ", ".join(_fields(row)) or what
        yield RowChange(kind=kind, id=row["id"], change=change, what=what)


def _fields(row: Row) -> list[str]:
    """The names of the fields of a record that differ; where its sections are known, these too."""
    old, new = json.loads(row["was"]), json.loads(row["is"])
    for fields, sections in ((old, row["old_sections"]), (new, row["new_sections"])):
        fields.pop("section_ids", None)
        if None not in (row["old_sections"], row["new_sections"]):
            fields["section_ids"] = sections
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def _held(connection: sqlite3.Connection, run_id: int) -> Iterator[RowChange]:
    for row in connection.execute(HELD, (run_id,)):
        for row_id in json.loads(row["row_ids"]):
            yield RowChange(
                kind=Kind(row["kind"]), id=row_id, change=Change.HELD, what=row["reason"]
            )


SECTIONS = "old.section_ids AS old_sections, new.section_ids AS new_sections"
NO_SECTIONS = "NULL AS old_sections, NULL AS new_sections"

# A feature that moves to another section has changed, and its content has not.
DIFFERENCES = """
SELECT new.id, new.{title} AS title, old.data AS was, new.data AS "is", {sections},
    CASE
        WHEN old.id IS NULL THEN 'new'
        WHEN new.deleted_at IS NOT NULL THEN 'gone'
        WHEN old.deleted_at IS NOT NULL THEN 'revived'
        ELSE 'changed'
    END AS change
FROM main.{table} AS new LEFT JOIN old.{table} AS old USING (id)
WHERE old.id IS NULL
    OR (old.deleted_at IS NULL) <> (new.deleted_at IS NULL)
    OR (new.deleted_at IS NULL AND (
        old.content_hash <> new.content_hash OR old.changed_at <> new.changed_at))
ORDER BY new.id
"""

HELD = "SELECT kind, row_ids, reason FROM held_deletions WHERE status = 'held' AND last_run_id = ?"
