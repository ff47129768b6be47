"""From records to rows of the entity tables, and the statements that write them."""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from sqlite3 import Connection

from rules.model import Kind
from rules.records import BugRecord, FeatureRecord, Page, ProductRecord, Record, TestRecord
from storage.engine.times import as_text
from storage.schema import OWNERS, TABLES

OWN_COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    Kind.PRODUCTS: ("name", "product_type", "has_sections", "section_ids"),
    Kind.FEATURES: ("product_id", "title", "section_ids"),
    Kind.TESTS: (
        "product_id",
        "title",
        "status",
        "review_status",
        "testing_type",
        "start_at",
        "end_at",
    ),
    Kind.BUGS: ("test_id", "title", "severity", "status"),
}
COMMON_COLUMNS = (
    "data",
    "content_hash",
    "listed_in",
    "first_seen_at",
    "changed_at",
    "synced_at",
)
KEPT_ON_UPDATE = frozenset({"id", "first_seen_at"})
STATEMENT_SIZES = (90, 30)
CLEARED = ("deleted_at", "missed_in")
"""What a row that is there has not; a new row begins without."""


def row_of(record: Record, listed_in: int | None, now: str) -> tuple[object, ...]:
    """A record's row, in the order of the upsert's columns."""
    text, content = record.data, record.content_hash
    return (record.id, *_own_values(record), text, content, listed_in, now, now, now)


def _own_values(record: Record) -> tuple[object, ...]:
    """In the order of OWN_COLUMNS."""
    match record:
        case TestRecord():
            start, end = record.start_at, record.end_at
            return (
                record.product_id,
                record.title,
                record.status,
                record.review_status,
                record.testing_type,
                None if start is None else as_text(start),
                None if end is None else as_text(end),
            )
        case FeatureRecord():
            return (record.product_id, record.title, _section_ids(record))
        case BugRecord():
            return (record.test_id, record.title, record.severity, record.status)
        case ProductRecord():
            sections = json.dumps(record.section_ids)
            return (record.name, record.product_type, int(record.has_sections), sections)


def _section_ids(record: FeatureRecord) -> str | None:
    """Null where it is not known in which sections it stands; an empty list: in none."""
    return None if record.section_ids is None else json.dumps(record.section_ids)


def time_text(instant: datetime | None) -> str | None:
    """The stored form of an instant that may be missing."""
    return None if instant is None else as_text(instant)


def upsert(
    connection: Connection, kind: Kind, records: Sequence[Record], listed_in: int | None, now: str
) -> None:
    """Write rows that are new or have changed."""
    insert_rows(connection, kind, [row_of(record, listed_in, now) for record in records])


def learn(connection: Connection, records: Sequence[Record]) -> None:
    """Write what is known now of features that have not changed."""
    features = [record for record in records if isinstance(record, FeatureRecord)]
    connection.executemany(LEARN, [(_section_ids(r), r.data, r.id) for r in features])


def insert_rows(connection: Connection, kind: Kind, rows: Sequence[tuple[object, ...]]) -> None:
    """Write rows as `row_of` gives them.

    Many go into one statement: with `executemany` the interpreter would be let go of, and waited
    for, once for each row. Few sizes of statements, so that SQLite keeps them prepared.
    """
    start = 0
    while (left := len(rows) - start) > 0:
        size = next((size for size in STATEMENT_SIZES if size <= left), left)
        values = itertools.chain.from_iterable(rows[start : start + size])
        connection.execute(_upsert_statement(kind, size), tuple(values))
        start += size


def confirm(connection: Connection, page: Page, ids: Sequence[int], now: str) -> None:
    """These rows of the page are there as they were."""
    if not ids:
        return
    connection.execute(
        CONFIRMS[page.kind],
        {
            "synced_at": now,
            "listed_in": None if page.listing is None else page.listing.id,
            "owner": page.product_id,
            "ids": json.dumps(ids),
        },
    )


@functools.lru_cache(maxsize=256)
def _upsert_statement(kind: Kind, rows: int) -> str:
    columns = ("id", *OWN_COLUMNS[kind], *COMMON_COLUMNS)
    cleared = [name for name in CLEARED if name in TABLES[kind].columns]
    row = f"({_join('?' for _ in columns)})"
    return (
        f"INSERT INTO {TABLES[kind].name} ({', '.join(columns)})"
        f" VALUES {_join(row for _ in range(rows))}"
        " ON CONFLICT (id) DO UPDATE SET "
        + _join(f"{name} = excluded.{name}" for name in columns if name not in KEPT_ON_UPDATE)
        + "".join(f", {name} = NULL" for name in cleared)
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


LEARN = "UPDATE features SET section_ids = ?, data = ? WHERE id = ?"

CONFIRMS: Mapping[Kind, str] = {kind: _confirm(kind) for kind in TABLES}
