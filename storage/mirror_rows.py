"""Writes pages of rows, each with its quarantined records and its cursor, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table

from rules.changes import compare
from rules.model import Counts, Kind, Outcome
from rules.records import FeatureRecord, Page, ProductRecord, Record, TestRecord
from storage.database import Database
from storage.schema import TABLES
from storage.times import as_text

KEPT_ON_UPDATE = frozenset({"id", "first_seen_at"})


class MirrorRows:
    """The entity tables, the cursors and the quarantine, for the one writer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store_page(self, page: Page, *, run_id: int, at: datetime) -> Counts:
        """Write one page, all or nothing; returns what happened to its rows.

        Raises StorageError, and then nothing of the page is stored.
        """
        now = as_text(at)
        with self._database.transaction() as connection:
            counts = _store_records(connection, page, run_id, now)
            _store_bad_rows(connection, page, run_id, now)
            if page.cursor is not None:
                _move_cursor(connection, page, run_id, now)
        return counts


def _store_records(connection: Connection, page: Page, run_id: int, now: str) -> Counts:
    table = TABLES[page.kind]
    changes = compare(page.records, _known_hashes(connection, table, page.records))
    written = [_row(record, run_id, now) for record in (*changes.new, *changes.changed)]
    if written:
        connection.exec_driver_sql(UPSERTS[page.kind], written)
    if changes.unchanged:
        connection.exec_driver_sql(
            CONFIRMS[page.kind],
            {
                "synced_at": now,
                "listed_in": run_id,
                "product_id": page.product_id,
                "ids": json.dumps([record.id for record in changes.unchanged]),
            },
        )
    return changes.counts + Counts(quarantined=len(page.bad_rows))


def _known_hashes(
    connection: Connection, table: Table, records: Sequence[Record]
) -> Mapping[int, str]:
    ids = json.dumps([record.id for record in records])
    found = connection.exec_driver_sql(
        f"SELECT id, content_hash FROM {table.name} WHERE id IN (SELECT value FROM json_each(?))",
        (ids,),
    )
    return {row[0]: row[1] for row in found}


def _row(record: Record, run_id: int, now: str) -> dict[str, object]:
    return _own_columns(record) | {
        "id": record.id,
        "data": record.data,
        "content_hash": record.content_hash,
        "listed_in": run_id,
        "first_seen_at": now,
        "changed_at": now,
        "synced_at": now,
        "deleted_at": None,
    }


def _own_columns(record: Record) -> dict[str, object]:
    if isinstance(record, TestRecord):
        return {
            "product_id": record.product_id,
            "title": record.title,
            "status": record.status,
            "review_status": record.review_status,
            "testing_type": record.testing_type,
            "start_at": _time(record.start_at),
            "end_at": _time(record.end_at),
        }
    if isinstance(record, FeatureRecord):
        return {
            "product_id": record.product_id,
            "title": record.title,
            "section_ids": json.dumps(record.section_ids),
        }
    return _product_columns(record)


def _product_columns(record: ProductRecord) -> dict[str, object]:
    return {
        "name": record.name,
        "product_type": record.product_type,
        "has_sections": int(record.has_sections),
        "section_ids": json.dumps(record.section_ids),
    }


def _time(instant: datetime | None) -> str | None:
    return None if instant is None else as_text(instant)


def _store_bad_rows(connection: Connection, page: Page, run_id: int, now: str) -> None:
    rows = [
        {
            "product_id": page.product_id,
            "kind": page.kind.value,
            "fingerprint": bad.fingerprint,
            "position": bad.position,
            "record_id": bad.record_id,
            "reason": bad.reason,
            "excerpt": bad.excerpt,
            "now": now,
            "run_id": run_id,
        }
        for bad in page.bad_rows
    ]
    if rows:
        connection.exec_driver_sql(QUARANTINE, rows)


def _move_cursor(connection: Connection, page: Page, run_id: int, now: str) -> None:
    """Move the two times, and close the quarantine entries that this listing did not meet."""
    assert page.cursor is not None
    move = page.cursor
    connection.exec_driver_sql(
        CURSOR,
        {
            "product_id": page.product_id,
            "kind": page.kind.value,
            "as_of": as_text(move.as_of),
            "complete_as_of": as_text(move.as_of) if move.complete else None,
            "complete_from": _time(move.complete_from),
            "outcome": (Outcome.COMPLETE if move.complete else Outcome.PARTIAL).value,
            "now": now,
        },
    )
    connection.exec_driver_sql(
        RESOLVE, {"now": now, "product_id": page.product_id, "kind": page.kind, "run_id": run_id}
    )


def _upsert(table: Table) -> str:
    columns = [column.name for column in table.columns]
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)})"
        f" VALUES ({_join(f':{name}' for name in columns)})"
        " ON CONFLICT (id) DO UPDATE SET "
        + _join(f"{name} = excluded.{name}" for name in columns if name not in KEPT_ON_UPDATE)
    )


def _confirm(table: Table) -> str:
    owner = ", product_id = :product_id" if "product_id" in table.columns else ""
    return (
        f"UPDATE {table.name} SET synced_at = :synced_at, listed_in = :listed_in,"
        f" deleted_at = NULL{owner} WHERE id IN (SELECT value FROM json_each(:ids))"
    )


def _join(parts: Iterable[str]) -> str:
    return ", ".join(parts)


UPSERTS: Mapping[Kind, str] = {kind: _upsert(table) for kind, table in TABLES.items()}
CONFIRMS: Mapping[Kind, str] = {kind: _confirm(table) for kind, table in TABLES.items()}

QUARANTINE = """
INSERT INTO quarantine
    (product_id, kind, fingerprint, position, record_id, reason, excerpt,
     first_seen_at, last_seen_at, last_run_id)
VALUES
    (:product_id, :kind, :fingerprint, :position, :record_id, :reason, :excerpt,
     :now, :now, :run_id)
ON CONFLICT (product_id, kind, fingerprint) DO UPDATE SET
    position = excluded.position, last_seen_at = excluded.last_seen_at,
    last_run_id = excluded.last_run_id, resolved_at = NULL
"""

RESOLVE = """
UPDATE quarantine SET resolved_at = :now
WHERE product_id = :product_id AND kind = :kind
    AND last_run_id <> :run_id AND resolved_at IS NULL
"""

CURSOR = """
INSERT INTO sync_cursors
    (product_id, kind, complete_as_of, current_as_of, complete_from, last_outcome, updated_at)
VALUES
    (:product_id, :kind, :complete_as_of, :as_of, :complete_from, :outcome, :now)
ON CONFLICT (product_id, kind) DO UPDATE SET
    complete_as_of = coalesce(excluded.complete_as_of, complete_as_of),
    complete_from = CASE WHEN excluded.complete_as_of IS NULL
        THEN complete_from ELSE excluded.complete_from END,
    current_as_of = excluded.current_as_of,
    last_outcome = excluded.last_outcome,
    updated_at = excluded.updated_at,
    last_error = CASE WHEN excluded.complete_as_of IS NULL THEN last_error END,
    failing_since = CASE WHEN excluded.complete_as_of IS NULL THEN failing_since END,
    consecutive_failures =
        CASE WHEN excluded.complete_as_of IS NULL THEN consecutive_failures ELSE 0 END
"""
