"""What a listing has to know of the mirror before it goes on, each time on one snapshot of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from datetime import datetime
from sqlite3 import Connection

from rules.listing.planning import CursorState
from rules.listing.resume import interrupted_from
from rules.model import Kind
from rules.records import FINAL_STATUSES, HoleRecord
from storage.engine.readonly import Row
from storage.engine.times import as_text


def cursor(connection: Connection, product_id: int, kind: Kind) -> CursorState:
    """What earlier listings came to."""
    row = connection.execute(CURSOR, (product_id, kind.value)).fetchone()
    if row is None:
        return CursorState()
    left = None if row["resume"] is None else interrupted_from(row["resume"])
    return CursorState(
        complete_as_of=_instant(row["complete_as_of"]),
        listed_as_of=_instant(row["listed_as_of"]),
        current_as_of=_instant(row["current_as_of"]),
        complete_from=_instant(row["complete_from"]),
        in_order=bool(row["in_order"]),
        by_section=bool(row["by_section"]),
        sections_as_of=_instant(row["sections_as_of"]),
        wants_full=row["wants_full"],
        gaps=row["gaps"],
        resume_listing=row["resume_listing"],
        interrupted=left,
        interrupted_at=None if left is None else datetime.fromisoformat(left.as_of),
    )


def placed_features(connection: Connection, product_id: int) -> Mapping[int, bool]:
    """The features that are there, and whether it is known in which sections each stands."""
    rows = connection.execute(
        "SELECT id, section_ids IS NOT NULL AS is_placed FROM features"
        " WHERE product_id = ? AND deleted_at IS NULL",
        (product_id,),
    )
    return {row["id"]: bool(row["is_placed"]) for row in rows}


def holes(
    connection: Connection, product_id: int, now: datetime
) -> tuple[tuple[HoleRecord, bool], ...]:
    """The open holes in a product's tests, each with whether it is due to be tried again."""
    rows = connection.execute(HOLES, (product_id,)).fetchall()
    return tuple((_hole(row), _is_due(row, as_text(now))) for row in rows)


def _hole(row: Row) -> HoleRecord:
    return HoleRecord(
        position=row["position"],
        before_id=row["before_id"],
        after_id=row["after_id"],
        rank=row["rank"],
    )


def _is_due(row: Row, now: str) -> bool:
    return row["probe_after"] is None or row["probe_after"] <= now


def known_tests(
    connection: Connection, product_id: int, hashes: Mapping[int, str]
) -> frozenset[int]:
    """Those of these tests that a finished listing has confirmed, with this very content."""
    row = connection.execute(KNOWN, (json.dumps(list(hashes)), product_id)).fetchone()
    return frozenset(key for key, was in json.loads(row["known"]) if hashes[key] == was)


def listed_in(connection: Connection, product_id: int, listing: int) -> frozenset[int]:
    """The tests that a listing has stored."""
    rows = connection.execute(
        "SELECT id FROM tests WHERE product_id = ? AND listed_in = ?", (product_id, listing)
    )
    return frozenset(row["id"] for row in rows)


def missing_tests(
    connection: Connection,
    product_id: int,
    listing: int,
    seen: Set[int],
    since: datetime | None,
) -> tuple[tuple[int, ...], int]:
    """The tests that are there, but neither in a listing nor `seen`; and how many are there.

    Where none is missing, their number is not counted.
    """
    ids = connection.execute(IDS, (product_id,)).fetchone()["ids"]
    if seen >= set(json.loads(ids)):
        return (), 0  # as nearly always, told by the index alone
    place = _live(product_id, since)
    rows = connection.execute(f"SELECT count(*) AS count FROM ({LIVE})", place).fetchone()
    unlisted = connection.execute(LIVE + UNLISTED, place | {"listing": listing}).fetchall()
    return tuple(row["id"] for row in unlisted if row["id"] not in seen), int(rows["count"])


def unchecked_tests(
    connection: Connection, product_id: int, since: datetime | None
) -> tuple[int, ...]:
    """Tests that the last full listing lacked and that nobody has looked for since."""
    rows = connection.execute(LIVE + UNCHECKED, _live(product_id, since)).fetchall()
    return tuple(row["id"] for row in rows)


def open_tests(connection: Connection, product_id: int) -> tuple[int, ...]:
    """The tests that are there and can still change."""
    rows = connection.execute(LIVE, _live(product_id, None)).fetchall()
    return tuple(row["id"] for row in rows if row["status"] not in FINAL_STATUSES)


def _live(product_id: int, since: datetime | None) -> dict[str, object]:
    return {"product_id": product_id, "since": None if since is None else as_text(since)}


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


CURSOR = """
SELECT *, (
    SELECT count(*) FROM quarantine AS q
    WHERE q.product_id = c.product_id AND q.kind = c.kind AND q.resolved_at IS NULL
) AS gaps
FROM sync_cursors AS c WHERE product_id = ? AND kind = ?
"""

HOLES = """
SELECT position, before_id, after_id, rank, probe_after FROM quarantine
WHERE product_id = ? AND kind = 'tests' AND sort = 'hole' AND resolved_at IS NULL
ORDER BY position
"""

# `+` keeps SQLite from going through all tests of the product instead of looking these up.
KNOWN = """
SELECT json_group_array(json_array(t.id, t.content_hash)) AS known FROM tests AS t
LEFT JOIN sync_cursors AS c ON c.product_id = t.product_id AND c.kind = 'tests'
WHERE t.id IN (SELECT value FROM json_each(?)) AND +t.product_id = ?
    AND t.deleted_at IS NULL AND t.listed_in IS NOT NULL
    AND t.listed_in IS NOT c.open_listing AND t.listed_in IS NOT c.resume_listing
"""

LIVE = """
SELECT t.id, t.listed_in, t.status FROM tests AS t
LEFT JOIN sync_cursors AS c ON c.product_id = t.product_id AND c.kind = 'tests'
WHERE t.product_id = :product_id AND t.deleted_at IS NULL
    AND (:since IS NULL OR t.end_at >= :since)
"""

IDS = "SELECT json_group_array(id) AS ids FROM tests WHERE product_id = ?"

UNLISTED = " AND t.listed_in IS NOT :listing"

UNCHECKED = """
    AND max(coalesce(t.listed_in, 0), coalesce(t.checked_in, 0)) < c.full_listing
"""
