"""What read-through reads of the mirror: rows by filters, and how well each entity is known."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from rules.mirror.fetching import NEVER_FETCHED, Entity, Freshness, Subject
from rules.model import Kind
from rules.records import FINAL_STATUSES
from storage.engine.damage import json_of
from storage.engine.readonly import Row
from storage.engine.times import as_text

KINDS = {
    Subject.PRODUCTS: Kind.PRODUCTS,
    Subject.FEATURES: Kind.FEATURES,
    Subject.TESTS: Kind.TESTS,
    Subject.TEST: Kind.TESTS,
    Subject.BUGS: Kind.BUGS,
}
"""The rows that an entity has."""

FINAL = json.dumps(sorted(FINAL_STATUSES))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFilter:
    """Which rows are wanted; None means that it does not matter.

    `since`: tests, or bugs of tests, that end then or later or have no end yet; products and
    features that changed in the mirror then or later.
    """

    product_ids: Collection[int] | None = None
    test_ids: Collection[int] | None = None
    statuses: Collection[str] | None = None
    since: datetime | None = None
    deleted: bool = False
    limit: int | None = None


def freshness_of(
    connection: sqlite3.Connection, entities: Iterable[Entity]
) -> Mapping[Entity, Freshness]:
    """How well each entity is known; NEVER_FETCHED for one that the mirror does not know."""
    wanted = list(entities)
    found = dict.fromkeys(wanted, NEVER_FETCHED)
    for subject in Subject:
        ids = [entity.id for entity in wanted if entity.subject is subject]
        if ids:
            place = {"ids": json.dumps(ids), "kind": KINDS[subject].value, "final": FINAL}
            for row in connection.execute(STANDINGS[subject], place):
                found[Entity(subject, row["id"])] = _standing(row)
    return found


def _standing(row: Row) -> Freshness:
    return Freshness(
        as_of=None if not row["as_of"] else datetime.fromisoformat(row["as_of"]),
        is_final=bool(row["is_final"]),
        is_whole=bool(row.get("is_whole", True)),
        unusable=row["unusable"],
        pending_deletions=row["pending_deletions"],
    )


def find_rows(connection: sqlite3.Connection, kind: Kind, wanted: RowFilter) -> list[Row]:
    """The rows of a kind, newest test first, else by id; `data` and lists are decoded.

    Tests come with their `metrics` and `metrics_fetched_at`, None where they were never fetched
    by themselves.
    """
    conditions, values = _conditions(kind, wanted)
    more, joined = JOINED.get(kind, ("", ""))
    order = "tests.end_at IS NOT NULL, tests.end_at DESC, " if kind is Kind.TESTS else ""
    rows = connection.execute(
        f"SELECT {kind.value}.*{more} FROM {kind.value} {joined} WHERE {' AND '.join(conditions)}"
        f" ORDER BY {order}{kind.value}.id LIMIT :limit",
        values | {"limit": -1 if wanted.limit is None else wanted.limit},
    )
    return [_decoded(row) for row in rows]


def _conditions(kind: Kind, wanted: RowFilter) -> tuple[list[str], dict[str, object]]:
    table = kind.value
    by_test = kind in (Kind.TESTS, Kind.BUGS)
    product = "products.id" if kind is Kind.PRODUCTS else f"{table}.product_id"
    conditions = ["1" if wanted.deleted else f"{table}.deleted_at IS NULL"]
    values: dict[str, object] = {}
    lists = {
        "tests.product_id" if by_test else product: wanted.product_ids,
        "tests.id": wanted.test_ids if by_test else None,
        f"{table}.status": wanted.statuses if by_test else None,
    }
    for number, (column, allowed) in enumerate(lists.items()):
        if allowed is not None:
            conditions.append(f"{column} IN (SELECT value FROM json_each(:list{number}))")
            values[f"list{number}"] = json.dumps(sorted(allowed))
    if wanted.since is not None:
        still_open = "tests.end_at IS NULL OR tests.end_at >= :since"
        conditions.append(f"({still_open})" if by_test else f"{table}.changed_at >= :since")
        values["since"] = as_text(wanted.since)
    return conditions, values


def _decoded(row: Row) -> Row:
    return {
        name: json_of(value, name) if name in JSON_COLUMNS and value is not None else value
        for name, value in row.items()
    }


def chosen_tests(connection: sqlite3.Connection, wanted: RowFilter) -> list[int]:
    """The ids of the tests whose bugs a filter asks for; a status there is one of bugs."""
    of_tests = RowFilter(product_ids=wanted.product_ids, since=wanted.since, deleted=wanted.deleted)
    conditions, values = _conditions(Kind.TESTS, of_tests)
    rows = connection.execute(
        f"SELECT id FROM tests WHERE {' AND '.join(conditions)} ORDER BY id", values
    )
    return [row["id"] for row in rows]


def stored_statuses(connection: sqlite3.Connection, kind: Kind) -> list[str]:
    """Every status that a test or bug in the mirror has, gone ones included."""
    rows = connection.execute(
        f"SELECT DISTINCT status FROM {kind.value} WHERE status IS NOT NULL ORDER BY status"
    )
    return [row["status"] for row in rows]


def stored_products(connection: sqlite3.Connection) -> Mapping[int, str | None]:
    """Every product that ever was in the mirror, with when it was found to be gone."""
    rows = connection.execute("SELECT id, deleted_at FROM products ORDER BY id")
    return {row["id"]: row["deleted_at"] for row in rows}


def is_test_stored(connection: sqlite3.Connection, test_id: int) -> bool:
    """Whether the mirror knows this test."""
    return connection.execute("SELECT 1 FROM tests WHERE id = ?", (test_id,)).fetchone() is not None


JSON_COLUMNS = ("data", "section_ids", "metrics")

JOINED = {
    Kind.BUGS: ("", "JOIN tests ON tests.id = bugs.test_id"),
    Kind.TESTS: (
        ", single.data AS metrics, single.fetched_at AS metrics_fetched_at",
        "LEFT JOIN test_metrics AS single ON single.test_id = tests.id",
    ),
}
"""By kind: columns of another table, and how that is joined."""

DOUBTS = """
    (SELECT count(*) FROM quarantine AS q WHERE q.product_id = asked.value AND q.kind = :kind
        AND q.resolved_at IS NULL) AS unusable,
    (SELECT coalesce(sum(row_count), 0) FROM held_deletions AS h
        WHERE h.product_id = asked.value AND h.kind = :kind AND h.status = 'held')
        AS pending_deletions
"""

LISTED = f"""
SELECT asked.value AS id, 0 AS is_final,
    max(coalesce(cursor.current_as_of, ''), coalesce(fetched.fetched_at, '')) AS as_of, {DOUBTS}
FROM json_each(:ids) AS asked
LEFT JOIN sync_cursors AS cursor ON cursor.product_id = asked.value AND cursor.kind = :kind
LEFT JOIN fetches AS fetched ON fetched.entity_id = asked.value AND fetched.kind = :kind
"""

# Asked for by its id a test is as old as its metrics, which no list refreshes.
TEST = """
SELECT id, coalesce(min(synced_at, fetched_at), synced_at) AS as_of, 0 AS unusable,
    0 AS pending_deletions,
    fetched_at IS NOT NULL AS is_whole,
    coalesce(status IN (SELECT value FROM json_each(:final)) AND fetched_at >= changed_at, 0)
        AS is_final
FROM tests LEFT JOIN test_metrics ON test_id = id
WHERE id IN (SELECT value FROM json_each(:ids)) AND deleted_at IS NULL
"""

# A final test does not change, so its row tells since when it has been seen to be final.
BUGS = f"""
SELECT asked.value AS id, fetched.fetched_at AS as_of, {DOUBTS},
    coalesce(tests.status IN (SELECT value FROM json_each(:final))
        AND fetched.fetched_at >= tests.changed_at, 0) AS is_final
FROM json_each(:ids) AS asked
LEFT JOIN tests ON tests.id = asked.value
LEFT JOIN fetches AS fetched ON fetched.entity_id = asked.value AND fetched.kind = :kind
"""

STANDINGS = {
    Subject.PRODUCTS: LISTED,
    Subject.FEATURES: LISTED,
    Subject.TESTS: LISTED,
    Subject.TEST: TEST,
    Subject.BUGS: BUGS,
}
