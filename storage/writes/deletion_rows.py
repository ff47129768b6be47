"""Marks rows as gone, and keeps the sets that the brake holds back (rule 8). Nothing is erased."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from sqlite3 import Connection

from rules.model import PRODUCT_LIST, Kind
from rules.records import PendingDeletion
from storage.schema import OWNERS, TABLES
from storage.writes.part_rows import drop_parts
from storage.writes.quarantine_rows import PRODUCT_GONE


def live_rows(connection: Connection, kind: Kind, owner: int) -> Mapping[int, int | None]:
    """Each row that is there, with the complete listing that lacked it first."""
    column = OWNERS[kind]
    belongs = "" if column is None else f" AND {column} = ?"
    found = connection.execute(
        f"SELECT id, missed_in FROM {TABLES[kind].name} WHERE deleted_at IS NULL{belongs}",
        () if column is None else (owner,),
    )
    return {row[0]: row[1] for row in found}


def note_missing(connection: Connection, kind: Kind, ids: Iterable[int], listing: int) -> None:
    """These rows were missing from a complete listing for the first time."""
    connection.execute(
        f"UPDATE {TABLES[kind].name} SET missed_in = ? WHERE missed_in IS NULL"
        " AND id IN (SELECT value FROM json_each(?))",
        (listing, json.dumps(list(ids))),
    )


def mark_gone(connection: Connection, kind: Kind, ids: Iterable[int], now: str) -> int:
    """Mark rows as deleted, with all that belongs to them; returns how many were marked."""
    wanted = list(ids)
    if not wanted:
        return 0
    marked = _mark(connection, kind, "id", wanted, now)
    drop_parts(connection, TABLES[kind].name, wanted, now)
    if kind is Kind.PRODUCTS:
        marked += _mark_belongings(connection, wanted, now)
    return marked


def _mark(connection: Connection, kind: Kind, column: str, keys: list[int], now: str) -> int:
    return connection.execute(
        f"UPDATE {TABLES[kind].name} SET deleted_at = ? WHERE deleted_at IS NULL"
        f" AND {column} IN (SELECT value FROM json_each(?))",
        (now, json.dumps(keys)),
    ).rowcount


def _mark_belongings(connection: Connection, products: list[int], now: str) -> int:
    """All of a product goes with it; what was known of its freshness no longer holds."""
    keys = json.dumps(products)
    features = connection.execute(FEATURES_OF, (keys,)).fetchall()
    drop_parts(connection, "features", [row[0] for row in features], now)
    marked = _mark(connection, Kind.FEATURES, "product_id", products, now)
    marked += _mark(connection, Kind.TESTS, "product_id", products, now)
    connection.execute(FORGET_CURSORS, (keys,))
    connection.execute(FORGET_GAPS, (now, PRODUCT_GONE, keys))
    connection.execute(FORGET_HELD, (now, keys))
    return marked


def hold(
    connection: Connection, owner: int, kind: Kind, pending: PendingDeletion, run_id: int, now: str
) -> int:
    """Keep a set that the brake holds back; the same set again keeps its id. Returns the id."""
    ids = json.dumps(sorted(pending.ids))
    place = {"product_id": owner, "kind": kind.value, "ids": ids, "now": now, "run_id": run_id}
    same = connection.execute(SAME_SET, place).fetchone()
    if same is not None:
        connection.execute(SEEN_AGAIN, place | {"id": same[0]})
        return int(same[0])
    release(connection, owner, kind, now)
    details = {"count": len(pending.ids), "of_rows": pending.of_rows, "reason": pending.reason}
    made = connection.execute(HOLD, place | details)
    assert made.lastrowid is not None
    return int(made.lastrowid)


def release(connection: Connection, owner: int, kind: Kind, now: str) -> None:
    """A listing that is believed, or another set, takes the place of what was held."""
    connection.execute(SUPERSEDE, {"product_id": owner, "kind": kind.value, "now": now})


def accept(connection: Connection, held_id: int, now: str) -> int | None:
    """Mark exactly the rows of a held set; returns how many, None if no such set is held.

    A row that was seen again since the set was held is there, and stays.
    """
    row = connection.execute(HELD_SET, (held_id,)).fetchone()
    if row is None:
        return None
    product_id, kind, ids, last_seen_at = row
    table = TABLES[Kind(kind)].name
    still = connection.execute(
        f"SELECT id FROM {table} WHERE id IN (SELECT value FROM json_each(?))"
        " AND synced_at <= ? AND deleted_at IS NULL",
        (ids, last_seen_at),
    ).fetchall()
    marked = mark_gone(connection, Kind(kind), [found[0] for found in still], now)
    connection.execute(ACCEPTED, (now, held_id))
    if product_id != PRODUCT_LIST or kind == Kind.PRODUCTS:
        connection.execute(LIST_AGAIN, (product_id, kind))
    return marked


FEATURES_OF = """
SELECT id FROM features
WHERE deleted_at IS NULL AND product_id IN (SELECT value FROM json_each(?))
"""

FORGET_CURSORS = """
DELETE FROM sync_cursors
WHERE product_id <> 0 AND product_id IN (SELECT value FROM json_each(?))
"""

FORGET_GAPS = """
UPDATE quarantine SET resolved_at = ?, resolution = ?
WHERE resolved_at IS NULL AND product_id <> 0
    AND product_id IN (SELECT value FROM json_each(?))
"""

FORGET_HELD = """
UPDATE held_deletions SET status = 'superseded', decided_at = ?
WHERE status = 'held' AND product_id <> 0
    AND product_id IN (SELECT value FROM json_each(?))
"""

SAME_SET = """
SELECT id FROM held_deletions
WHERE product_id = :product_id AND kind = :kind AND status = 'held' AND row_ids = :ids
"""

SEEN_AGAIN = """
UPDATE held_deletions SET last_seen_at = :now, last_run_id = :run_id WHERE id = :id
"""

HOLD = """
INSERT INTO held_deletions
    (product_id, kind, status, row_ids, row_count, of_rows, reason,
     held_at, last_seen_at, last_run_id)
VALUES
    (:product_id, :kind, 'held', :ids, :count, :of_rows, :reason, :now, :now, :run_id)
"""

SUPERSEDE = """
UPDATE held_deletions SET status = 'superseded', decided_at = :now
WHERE product_id = :product_id AND kind = :kind AND status = 'held'
"""

HELD_SET = """
SELECT product_id, kind, row_ids, last_seen_at FROM held_deletions
WHERE id = ? AND status = 'held'
"""

ACCEPTED = "UPDATE held_deletions SET status = 'accepted', decided_at = ? WHERE id = ?"

LIST_AGAIN = """
UPDATE sync_cursors SET wants_full = 'held deletions were accepted',
    last_error = 'held: the deletions were accepted; the next sync confirms it'
WHERE product_id = ? AND kind = ?
"""
