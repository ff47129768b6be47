"""What those read who watch over the daemon: never for long, whatever the database is like.

A lock is waited for half a second at most, and a query that takes longer than allowed is ended.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rules.run.runtime_overrides import PREFIX
from storage.engine.readonly import Row, open_readonly
from storage.reads.queries import in_scope, known_products

LOCK_SECONDS = 0.5
STEPS = 20_000
"""Instructions of SQLite between two looks at the clock: a few milliseconds."""


@contextmanager
def open_briefly(
    path: Path, seconds: float, *, is_still: bool = False
) -> Iterator[sqlite3.Connection]:
    """A handle that can only read, and only for so long. Raises StorageError.

    `is_still`: nobody has the file open; nothing is made beside it to read it.
    """
    give_up_at, timeout = time.monotonic() + seconds, min(LOCK_SECONDS, seconds)
    with open_readonly(path, timeout=timeout, is_still=is_still) as connection:
        connection.set_progress_handler(lambda: time.monotonic() > give_up_at, STEPS)
        yield connection


def listings(connection: sqlite3.Connection, product_ids: frozenset[int] | None) -> list[Row]:
    """Each product and kind in scope: its cursor, when it appeared, its unusable records.

    `product_ids` None means all of them. Lighter than the view `freshness`: no rows are counted.
    """
    return in_scope(connection.execute(LISTINGS), product_ids)


def unlisted(connection: sqlite3.Connection, product_ids: frozenset[int] | None) -> list[int]:
    """The products that are to be mirrored and that the account's list does not have; none while
    that list was never read."""
    known = known_products(connection)
    return [] if known is None else sorted((product_ids or frozenset()) - set(known))


def revision(connection: sqlite3.Connection) -> str:
    """The newest step of the schema that was made."""
    row = connection.execute("SELECT max(version_num) AS newest FROM alembic_version").fetchone()
    return str(row["newest"] or "")


def runs(connection: sqlite3.Connection) -> Row:
    """The newest run, and the same where it has no end; None for none."""
    found: Row = connection.execute(NEWEST).fetchone()
    return found


def paused_since(connection: sqlite3.Connection) -> str | None:
    """When the pause that is on was chosen; None where none was."""
    row = connection.execute(
        "SELECT changed_at FROM settings WHERE name = ?", (f"{PREFIX}paused",)
    ).fetchone()
    return None if row is None else str(row["changed_at"])


def last_run(connection: sqlite3.Connection) -> tuple[Row, dict[str, int]] | None:
    """The last run that nobody cancelled, and how many problems of each type it met."""
    run = connection.execute(LAST_RUN).fetchone()
    if run is None:
        return None
    problems = connection.execute(PROBLEMS, (run["id"],))
    return run, {row["kind"]: row["problems"] for row in problems}


def rows_by_kind(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows are there of each kind; reads every page of the mirror."""
    return {row["kind"]: row["rows"] for row in connection.execute(ROWS)}


def waiting(connection: sqlite3.Connection) -> list[Row]:
    """How many records are set aside, by kind and sort."""
    return connection.execute(QUARANTINE).fetchall()


def pending_deletions(connection: sqlite3.Connection) -> Row:
    """How many sets of deletions are held back, and their rows."""
    found: Row = connection.execute(HELD).fetchone()
    return found


def last_ends(connection: sqlite3.Connection) -> dict[str, str]:
    """When the last run of each status ended."""
    return {row["status"]: row["at"] for row in connection.execute(LAST_ENDS)}


LISTINGS = """
WITH listed (product_id, kind, first_seen_at, product_name) AS (
    SELECT 0, 'products', (SELECT min(started_at) FROM sync_runs), NULL
    UNION ALL SELECT id, 'features', first_seen_at, name FROM products WHERE deleted_at IS NULL
    UNION ALL SELECT id, 'tests', first_seen_at, name FROM products WHERE deleted_at IS NULL
),
unusable (product_id, kind, "rows") AS (
    SELECT product_id, kind, count(*) FROM quarantine
    WHERE resolved_at IS NULL GROUP BY product_id, kind
)
SELECT listed.product_id, listed.kind, listed.first_seen_at, listed.product_name,
    cursor.complete_as_of,
    cursor.current_as_of, cursor.last_outcome, cursor.last_error, cursor.failing_since,
    cursor.updated_at, coalesce(unusable."rows", 0) AS holes
FROM listed
LEFT JOIN sync_cursors AS cursor USING (product_id, kind)
LEFT JOIN unusable USING (product_id, kind)
"""

ROWS = """
SELECT 'products' AS kind, count(*) AS "rows" FROM products WHERE deleted_at IS NULL
UNION ALL SELECT 'features', count(*) FROM features WHERE deleted_at IS NULL
UNION ALL SELECT 'tests', count(*) FROM tests WHERE deleted_at IS NULL
UNION ALL SELECT 'bugs', count(*) FROM bugs WHERE deleted_at IS NULL
"""

QUARANTINE = """
SELECT kind, sort, count(*) AS entries FROM quarantine WHERE resolved_at IS NULL GROUP BY kind, sort
"""

HELD = """
SELECT count(*) AS sets, coalesce(sum(row_count), 0) AS "rows"
FROM held_deletions WHERE status = 'held'
"""

NEWEST = """
SELECT newest.id AS newest, (
    SELECT id FROM sync_runs WHERE id = newest.id AND status = 'running'
) AS unfinished
FROM (SELECT max(id) AS id FROM sync_runs) AS newest
"""

LAST_RUN = """
SELECT id, status FROM sync_runs
WHERE status NOT IN ('running', 'cancelled') ORDER BY id DESC LIMIT 1
"""

PROBLEMS = """
SELECT json_extract(problem.value, '$.kind') AS kind, count(*) AS problems
FROM sync_runs, json_each(sync_runs.errors) AS problem WHERE sync_runs.id = ? GROUP BY 1
"""

LAST_ENDS = """
SELECT status, max(completed_at) AS at FROM sync_runs WHERE status != 'running' GROUP BY status
"""
