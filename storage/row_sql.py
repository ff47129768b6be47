"""From records to rows of the entity tables, and the statements that write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, Table

from rules.changes import Held
from rules.model import Kind
from rules.records import BugRecord, FeatureRecord, ProductRecord, Record, TestRecord
from storage.schema import OWNERS, TABLES
from storage.times import as_text

KEPT_ON_UPDATE = frozenset({"id", "first_seen_at", "checked_in"})


def held_rows(connection: Connection, kind: Kind, ids: Iterable[int]) -> Mapping[int, Held]:
    """What the mirror holds of these rows."""
    found = connection.exec_driver_sql(
        f"SELECT id, content_hash, deleted_at IS NOT NULL FROM {TABLES[kind].name}"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    return {row[0]: Held(content_hash=row[1], is_deleted=bool(row[2])) for row in found}


def row_of(record: Record, listed_in: int | None, now: str) -> dict[str, object]:
    """All columns of a record's row."""
    row = _own_columns(record) | {
        "id": record.id,
        "data": record.data,
        "content_hash": record.content_hash,
        "listed_in": listed_in,
        "first_seen_at": now,
        "changed_at": now,
        "synced_at": now,
        "deleted_at": None,
    }
    return row | ({"checked_in": None} if isinstance(record, TestRecord) else {"missed_in": None})


def _own_columns(record: Record) -> dict[str, object]:
    match record:
        case TestRecord():
            return {
                "product_id": record.product_id,
                "title": record.title,
                "status": record.status,
                "review_status": record.review_status,
                "testing_type": record.testing_type,
                "start_at": time_text(record.start_at),
                "end_at": time_text(record.end_at),
            }
        case FeatureRecord():
            return {
                "product_id": record.product_id,
                "title": record.title,
                "section_ids": json.dumps(record.section_ids),
            }
        case BugRecord():
            return {
                "test_id": record.test_id,
                "title": record.title,
                "severity": record.severity,
                "status": record.status,
            }
        case ProductRecord():
            return {
                "name": record.name,
                "product_type": record.product_type,
                "has_sections": int(record.has_sections),
                "section_ids": json.dumps(record.section_ids),
            }


def time_text(instant: datetime | None) -> str | None:
    """The stored form of an instant that may be missing."""
    return None if instant is None else as_text(instant)


def _upsert(table: Table) -> str:
    columns = [column.name for column in table.columns]
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)})"
        f" VALUES ({_join(f':{name}' for name in columns)})"
        " ON CONFLICT (id) DO UPDATE SET "
        + _join(f"{name} = excluded.{name}" for name in columns if name not in KEPT_ON_UPDATE)
    )


def _confirm(kind: Kind) -> str:
    """A row that is there and unchanged; one that no listing vouches for keeps its `listed_in`."""
    table, owner = TABLES[kind], OWNERS[kind]
    belongs = "" if owner is None else f", {owner} = :owner"
    found = "" if "missed_in" not in table.columns else ", missed_in = NULL"
    return (
        f"UPDATE {table.name} SET synced_at = :synced_at,"
        f" listed_in = coalesce(:listed_in, listed_in), deleted_at = NULL{belongs}{found}"
        " WHERE id IN (SELECT value FROM json_each(:ids))"
    )


def _join(parts: Iterable[str]) -> str:
    return ", ".join(parts)


UPSERTS: Mapping[Kind, str] = {kind: _upsert(table) for kind, table in TABLES.items()}
CONFIRMS: Mapping[Kind, str] = {kind: _confirm(kind) for kind in TABLES}
