"""The quarantine: records that could not be used, and holes where the remote shows none.

Of the records of one list that could not be used the first ones have an entry each; the others
have one together, which says how many they are.
"""

from __future__ import annotations

import json
from datetime import datetime
from sqlite3 import Connection

from rules.listing.probing import pause_after
from rules.model import Kind
from rules.records import BadRow, Page
from storage.engine.times import as_text

Values = dict[str, object]

MOST_BAD_ROWS = 100
"""Of one list, that are kept one by one."""
MORE = "more bad rows"
"""The fingerprint of the entry for all others; its reason begins with their number."""

HEALED = "healed"
NOT_MET = "a complete listing no longer met it"
CLEARED = "cleared by an operator"
PRODUCT_GONE = "the product is gone"


def store_gaps(
    connection: Connection, page: Page, met_in: int, at: datetime, *, may_heal: bool
) -> None:
    """Write what a page could not show, and close what it shows to be healed.

    `may_heal`: entries of this product and kind stand open.
    """
    now = as_text(at)
    place: Values = {
        "product_id": page.product_id,
        "kind": page.kind.value,
        "now": now,
        "run_id": met_in,
    }
    if page.records and may_heal:
        ids = json.dumps([record.id for record in page.records])
        connection.execute(RESOLVE_IDS, place | {"ids": ids, "why": HEALED})
    if page.bad_rows:
        _store_bad_rows(connection, page, place)
    holes = [
        place
        | {
            "fingerprint": hole.fingerprint,
            "position": hole.position,
            "before_id": hole.before_id,
            "after_id": hole.after_id,
            "rank": hole.rank,
        }
        for hole in page.holes
    ]
    if holes:
        connection.executemany(MOVED, holes)
        connection.executemany(HOLE, holes)
    for fingerprint in page.probed_holes:
        _note_probe(connection, place | {"fingerprint": fingerprint}, at)
    for fingerprint in page.closed_holes:
        connection.execute(RESOLVE, place | {"fingerprint": fingerprint, "why": HEALED})


def _store_bad_rows(connection: Connection, page: Page, place: Values) -> None:
    place = place | {"is_full": page.listing is not None and page.listing.full, "more": MORE}
    shown = {fingerprint for (fingerprint,) in connection.execute(SHOWN, place)}
    more: list[BadRow] = []
    for bad in page.bad_rows:
        if bad.fingerprint not in shown and len(shown) >= MOST_BAD_ROWS:
            more.append(bad)
            continue
        shown.add(bad.fingerprint)
        entry = {
            "fingerprint": bad.fingerprint,
            "position": bad.position,
            "record_id": bad.record_id,
            "reason": bad.reason,
            "excerpt": bad.excerpt,
        }
        connection.execute(BAD_ROW, place | entry)
    if more:
        new = sum(bad.fingerprint not in page.counted for bad in more)
        many = {"position": more[0].position, "new": new, "all": len(more)}
        connection.execute(MORE_BAD_ROWS, place | many)


def _note_probe(connection: Connection, place: Values, at: datetime) -> None:
    row = connection.execute(PROBES, place).fetchone()
    if row is not None:
        after = as_text(at + pause_after(row[0] + 1))
        connection.execute(NOTE_PROBE, {"id": row[1], "after": after})


def resolve_not_met(
    connection: Connection, product_id: int, kind: Kind, met_in: int, now: str
) -> None:
    """Close what a listing from the first row to the end did not meet."""
    connection.execute(
        RESOLVE_NOT_MET,
        {"product_id": product_id, "kind": kind, "run_id": met_in, "now": now, "why": NOT_MET},
    )


def open_gaps(connection: Connection, product_id: int, kind: Kind) -> int:
    """How many records have an open entry, alone or with others."""
    place = {"product_id": product_id, "kind": kind.value, "more": MORE}
    row = connection.execute(OPEN, place).fetchone()
    return int(row[0])


SHOWN = """
SELECT fingerprint FROM quarantine
WHERE product_id = :product_id AND kind = :kind AND sort = 'bad_row' AND resolved_at IS NULL
    AND fingerprint != :more AND (last_run_id >= :run_id OR NOT :is_full)
"""
"""What this listing has met; where it need not come to the end, all that stands open."""

MORE_BAD_ROWS = """
INSERT INTO quarantine
    (product_id, kind, fingerprint, position, reason, excerpt,
     first_seen_at, last_seen_at, last_run_id, sort)
VALUES
    (:product_id, :kind, :more, :position, :all || ' more of this list cannot be used', '',
     :now, :now, :run_id, 'bad_row')
ON CONFLICT (product_id, kind, fingerprint) DO UPDATE SET
    first_seen_at = CASE WHEN resolved_at IS NULL THEN first_seen_at ELSE :now END,
    reason = CASE
        WHEN resolved_at IS NOT NULL OR (:is_full AND last_run_id < :run_id) THEN :all
        WHEN last_run_id = :run_id THEN CAST(reason AS INTEGER) + :new
        ELSE max(CAST(reason AS INTEGER), :all)
    END || ' more of this list cannot be used',
    position = excluded.position, last_seen_at = excluded.last_seen_at,
    last_run_id = max(last_run_id, excluded.last_run_id), resolved_at = NULL, resolution = NULL
"""

BAD_ROW = """
INSERT INTO quarantine
    (product_id, kind, fingerprint, position, record_id, reason, excerpt,
     first_seen_at, last_seen_at, last_run_id, sort)
VALUES
    (:product_id, :kind, :fingerprint, :position, :record_id, :reason, :excerpt,
     :now, :now, :run_id, 'bad_row')
ON CONFLICT (product_id, kind, fingerprint) DO UPDATE SET
    first_seen_at = CASE WHEN resolved_at IS NULL THEN first_seen_at ELSE :now END,
    position = excluded.position, last_seen_at = excluded.last_seen_at,
    last_run_id = max(last_run_id, excluded.last_run_id), resolved_at = NULL, resolution = NULL
"""

HOLE = """
INSERT INTO quarantine
    (product_id, kind, fingerprint, position, reason, excerpt,
     first_seen_at, last_seen_at, last_run_id, sort, before_id, after_id, rank)
VALUES
    (:product_id, :kind, :fingerprint, :position,
     'the remote fails on every page that holds this record', '',
     :now, :now, :run_id, 'hole', :before_id, :after_id, :rank)
ON CONFLICT (product_id, kind, fingerprint) DO UPDATE SET
    first_seen_at = CASE WHEN resolved_at IS NULL THEN first_seen_at ELSE :now END,
    probes = CASE WHEN resolved_at IS NULL THEN probes ELSE 0 END,
    position = excluded.position, last_seen_at = excluded.last_seen_at,
    before_id = excluded.before_id, after_id = coalesce(excluded.after_id, after_id),
    last_run_id = max(last_run_id, excluded.last_run_id), resolved_at = NULL, resolution = NULL
"""

MOVED = """
UPDATE quarantine SET resolved_at = :now, resolution = 'has another upper neighbour now'
WHERE product_id = :product_id AND kind = :kind AND sort = 'hole' AND resolved_at IS NULL
    AND after_id = :after_id AND before_id IS NOT :before_id
"""

PROBES = """
SELECT probes, id FROM quarantine
WHERE product_id = :product_id AND kind = :kind AND fingerprint = :fingerprint
"""

NOTE_PROBE = "UPDATE quarantine SET probes = probes + 1, probe_after = :after WHERE id = :id"

RESOLVE = """
UPDATE quarantine SET resolved_at = :now, resolution = :why
WHERE product_id = :product_id AND kind = :kind AND fingerprint = :fingerprint
    AND resolved_at IS NULL
"""

RESOLVE_IDS = """
UPDATE quarantine SET resolved_at = :now, resolution = :why
WHERE product_id = :product_id AND kind = :kind AND resolved_at IS NULL
    AND record_id IN (SELECT value FROM json_each(:ids))
"""

RESOLVE_NOT_MET = """
UPDATE quarantine SET resolved_at = :now, resolution = :why
WHERE product_id = :product_id AND kind = :kind AND last_run_id < :run_id AND resolved_at IS NULL
"""

OPEN = """
SELECT coalesce(sum(CASE fingerprint WHEN :more THEN CAST(reason AS INTEGER) ELSE 1 END), 0)
FROM quarantine WHERE product_id = :product_id AND kind = :kind AND resolved_at IS NULL
"""
