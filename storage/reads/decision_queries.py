"""What waits for a person: held deletions and entries of the quarantine, read without a writer."""

from __future__ import annotations

import sqlite3

from storage.engine.readonly import Row

COLUMNS = """
    held.id, held.status, held.product_id, products.name AS product_name, held.kind,
    held.row_count, held.of_rows, held.reason, held.held_at, held.last_seen_at, held.decided_at
FROM held_deletions AS held LEFT JOIN products ON products.id = held.product_id
"""

TITLES = {"products": "name", "features": "title", "tests": "title", "bugs": "title"}


def held_sets(connection: sqlite3.Connection) -> list[Row]:
    """The sets that the brake holds back now, the oldest first."""
    return connection.execute(
        f"SELECT {COLUMNS} WHERE held.status = 'held' ORDER BY held.id"
    ).fetchall()


def held_set(connection: sqlite3.Connection, held_id: int) -> Row | None:
    """One set, decided or not, with its rows; None if there is no such set.

    `came_back`: the remote has shown the row since the set was held; accepting leaves it alone.
    """
    found: Row | None = connection.execute(
        f"SELECT {COLUMNS} WHERE held.id = ?", (held_id,)
    ).fetchone()
    if found is None:
        return None
    rows = connection.execute(
        f"SELECT id, {TITLES[found['kind']]} AS title, synced_at, deleted_at,"
        f" synced_at > ? AS came_back FROM {found['kind']} WHERE id IN"
        " (SELECT value FROM json_each((SELECT row_ids FROM held_deletions WHERE id = ?)))"
        " ORDER BY id",
        (found["last_seen_at"], held_id),
    ).fetchall()
    return found | {"rows": [row | {"came_back": bool(row["came_back"])} for row in rows]}


def open_entries(connection: sqlite3.Connection) -> list[Row]:
    """The entries of the quarantine that are not resolved, the oldest first."""
    return connection.execute(
        "SELECT id, product_id, kind, sort, position, before_id, after_id, record_id, reason,"
        " first_seen_at AS since, last_seen_at, probes AS tries, probe_after AS next_try"
        " FROM quarantine WHERE resolved_at IS NULL ORDER BY first_seen_at, id"
    ).fetchall()


def failing_cursors(connection: sqlite3.Connection) -> list[Row]:
    """The products and kinds that do not come out complete, since when and why; oldest first."""
    return connection.execute(
        "SELECT product_id, kind, failing_since AS since, consecutive_failures AS times,"
        " last_outcome AS outcome, last_error AS error FROM sync_cursors"
        " WHERE failing_since IS NOT NULL ORDER BY failing_since, product_id, kind"
    ).fetchall()
