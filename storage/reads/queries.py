"""What is asked of the mirror most often, on a read-only handle: never through an actor."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

from storage.engine.damage import json_of
from storage.engine.readonly import Row, open_readonly

IS_FAILURE = (
    "(outcome IN ('failed', 'partial', 'interrupted')"
    " OR event IN ('actor_crashed', 'daemon_gave_up'))"
)
"""Which events tell of something that did not come out complete."""


def known_products(connection: sqlite3.Connection) -> tuple[int, ...] | None:
    """The products that the mirror holds, by id; None if their list was never fetched."""
    fetched = connection.execute(
        "SELECT 1 FROM sync_cursors"
        " WHERE product_id = 0 AND kind = 'products' AND current_as_of IS NOT NULL"
    ).fetchone()
    rows = connection.execute("SELECT id FROM products WHERE deleted_at IS NULL ORDER BY id")
    return tuple(row["id"] for row in rows) if fetched else None


def sections_of(
    connection: sqlite3.Connection, product_id: int
) -> tuple[tuple[int, ...], datetime | None]:
    """The sections of a product, empty for one without; and as of when the mirror knows them."""
    row = connection.execute(
        "SELECT section_ids AS ids, (SELECT current_as_of FROM sync_cursors"
        " WHERE product_id = 0 AND kind = 'products') AS as_of"
        " FROM products WHERE id = ? AND has_sections = 1",
        (product_id,),
    ).fetchone()
    if row is None:
        return (), None
    as_of = None if row["as_of"] is None else datetime.fromisoformat(row["as_of"])
    return tuple(json_of(row["ids"], "section_ids")), as_of


def freshness(connection: sqlite3.Connection) -> list[Row]:
    """The view `freshness`, worst first: failing, then never fetched, then the oldest."""
    return connection.execute(
        "SELECT * FROM freshness ORDER BY failing_since IS NULL, complete_as_of IS NOT NULL,"
        " current_as_of, product_id, kind"
    ).fetchall()


def in_scope(rows: Iterable[Row], product_ids: Collection[int] | None) -> list[Row]:
    """Those of the products that are to be mirrored, and of the product list; None means all."""
    if product_ids is None:
        return list(rows)
    return [row for row in rows if not row["product_id"] or row["product_id"] in product_ids]


def last_runs(
    connection: sqlite3.Connection, limit: int, statuses: Collection[str] | None = None
) -> list[Row]:
    """The rows of the newest runs, newest first; only those with one of these statuses."""
    wanted = None if statuses is None else json.dumps(sorted(statuses))
    return connection.execute(
        "SELECT * FROM sync_runs"
        " WHERE :wanted IS NULL OR status IN (SELECT value FROM json_each(:wanted))"
        " ORDER BY id DESC LIMIT :limit",
        {"wanted": wanted, "limit": limit},
    ).fetchall()


def run_ids(connection: sqlite3.Connection) -> list[int]:
    """The ids of all runs."""
    return [row["id"] for row in connection.execute("SELECT id FROM sync_runs ORDER BY id")]


def events_of_run(connection: sqlite3.Connection, run_id: int) -> list[Row]:
    """All events of one run, in order."""
    return connection.execute(
        "SELECT * FROM sync_events WHERE run_id = ? ORDER BY id", (run_id,)
    ).fetchall()


def product_names(
    connection: sqlite3.Connection, ids: Iterable[int] | None = None
) -> dict[int, str]:
    """The names of these products, or of all that ever were in the mirror, as the remote writes."""
    wanted = None if ids is None else json.dumps(sorted(set(ids)))
    rows = connection.execute(PRODUCT_NAMES, {"ids": wanted})
    return {row["id"]: row["name"] for row in rows}


def run(connection: sqlite3.Connection, run_id: int) -> Row | None:
    """The row of one run; None if it has not begun or does not exist."""
    found: Row | None = connection.execute(
        "SELECT * FROM sync_runs WHERE id = ?", (run_id,)
    ).fetchone()
    return found


def last_success_at(path: Path) -> datetime | None:
    """When the last successful run ended; None if there was none."""
    with open_readonly(path) as connection:
        row = connection.execute(
            "SELECT max(completed_at) AS at FROM sync_runs WHERE status = 'success'"
        ).fetchone()
        return None if row["at"] is None else datetime.fromisoformat(row["at"])


def events(
    connection: sqlite3.Connection,
    *,
    since: int | None = None,
    run_id: int | None = None,
    product_id: int | None = None,
    failures: bool = False,
    limit: int = 50,
) -> list[Row]:
    """Events in order. After the id `since`, the first `limit`; without it, the last `limit`."""
    direction = "DESC" if since is None else "ASC"
    rows = connection.execute(
        "SELECT * FROM sync_events WHERE id > :since"
        " AND (:run_id IS NULL OR run_id = :run_id)"
        " AND (:product_id IS NULL OR product_id = :product_id)"
        f" AND (NOT :failures OR {IS_FAILURE})"
        f" ORDER BY id {direction} LIMIT :limit",
        {
            "since": since or 0,
            "run_id": run_id,
            "product_id": product_id,
            "failures": failures,
            "limit": limit,
        },
    ).fetchall()
    return rows if since is not None else rows[::-1]


def problems(connection: sqlite3.Connection) -> list[Row]:
    """What is wrong now, the oldest first: cursors that fail, and records in quarantine.

    Each once: a cursor that fails for its records alone is told of by these.
    """
    return connection.execute(
        "SELECT product_id, kind, failing_since AS since, consecutive_failures AS times,"
        " last_outcome AS outcome, last_error AS error FROM sync_cursors"
        " WHERE failing_since IS NOT NULL AND NOT (EXISTS ("
        "  SELECT 1 FROM quarantine AS q WHERE q.product_id = sync_cursors.product_id"
        "  AND q.kind = sync_cursors.kind AND q.resolved_at IS NULL)"
        "  AND (last_error LIKE 'holes: %' OR last_error LIKE 'bad_rows: %'))"
        " UNION ALL"
        " SELECT product_id, kind, first_seen_at, 1, 'quarantined',"
        " 'row ' || position || coalesce(' (id ' || record_id || ')', '') || ': ' || reason"
        " FROM quarantine WHERE resolved_at IS NULL"
        " ORDER BY since, product_id, kind"
    ).fetchall()


PRODUCT_NAMES = """
SELECT id, name FROM products
WHERE name IS NOT NULL AND (:ids IS NULL OR id IN (SELECT value FROM json_each(:ids)))
"""
