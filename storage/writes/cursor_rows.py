"""The cursors: what each listing says about freshness, and from where one can go on (rule 4)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from sqlite3 import Connection

from rules.model import Kind, Outcome
from rules.records import CursorMove, ListingEnd, Page
from storage.engine.times import as_text
from storage.schema import OWNERS, TABLES
from storage.writes.row_sql import time_text


def open_listing(connection: Connection, page: Page, before: int | None, now: str) -> None:
    """Note that rows of this listing are stored; what an abandoned one has read counts no more.

    `before`: the listing of this sort that was open so far.

    Rows of an unfinished listing are not *known*: a listing that never finished must not vouch
    for them.
    """
    mark = page.listing
    assert mark is not None
    if before not in (None, mark.id):
        _forget_listing(connection, page, before)
    open_listings(connection, [page], now)


def open_listings(connection: Connection, pages: Sequence[Page], now: str) -> None:
    """The same for pages of several products, whose listings are of one sort; none is abandoned."""
    values: list[object] = []
    is_full = False
    for page in pages:
        mark = page.listing
        assert mark is not None
        is_full = mark.full
        resume = (mark.resume,) if is_full else ()
        values += (page.product_id, page.kind.value, mark.id, *resume, now)
    connection.execute(_open_statement(is_full, len(pages)), values)


@functools.lru_cache(maxsize=64)
def _open_statement(is_full: bool, pages: int) -> str:
    columns = ("resume_listing", "resume") if is_full else ("open_listing",)
    names = ("product_id", "kind", *columns, "updated_at")
    row = f"({', '.join('?' for _ in names)})"
    return (
        f"INSERT INTO sync_cursors ({', '.join(names)}) VALUES {', '.join([row] * pages)}"
        f" ON CONFLICT (product_id, kind) DO UPDATE SET {FULL if is_full else INCREMENTAL}"
    )


def _forget_listing(connection: Connection, page: Page, listing: int | None) -> None:
    owner = OWNERS[page.kind]
    belongs = "" if owner is None else f" AND {owner} = ?"
    connection.execute(
        f"UPDATE {TABLES[page.kind].name} SET listed_in = NULL WHERE listed_in = ?{belongs}",
        (listing,) if owner is None else (listing, page.product_id),
    )


def move_cursor(
    connection: Connection,
    *,
    product_id: int,
    kind: Kind,
    move: CursorMove,
    listing: int,
    gaps: int,
    now: str,
) -> None:
    """Move the times. Only a listing that reached the end and left no gap is complete."""
    ended = move.end is ListingEnd.END
    connection.execute(
        CURSOR,
        {
            "product_id": product_id,
            "kind": kind.value,
            "as_of": as_text(move.as_of),
            "ended": ended,
            "complete": ended and not gaps,
            "well": not gaps,
            "complete_from": time_text(move.complete_from),
            "outcome": (Outcome.PARTIAL if gaps else Outcome.COMPLETE).value,
            "listing": listing,
            "in_order": int(move.in_order),
            "by_section": int(move.by_section),
            "sections_as_of": time_text(move.sections_as_of),
            "now": now,
        },
    )


def want_full(connection: Connection, product_id: int, kind: Kind, why: str) -> None:
    """The next listing has to be a full one."""
    connection.execute(WANT_FULL, (why, product_id, kind.value))


FULL = """
    wants_full = CASE WHEN resume_listing IS excluded.resume_listing THEN wants_full END,
    resume_listing = excluded.resume_listing, resume = excluded.resume
"""

INCREMENTAL = "open_listing = excluded.open_listing"

CURSOR = """
INSERT INTO sync_cursors
    (product_id, kind, complete_as_of, current_as_of, complete_from, last_outcome, updated_at,
     listed_as_of, full_listing, in_order, by_section, sections_as_of)
VALUES
    (:product_id, :kind, CASE WHEN :complete THEN :as_of END, :as_of,
     CASE WHEN :complete THEN :complete_from END, :outcome, :now,
     CASE WHEN :ended THEN :as_of END, CASE WHEN :ended THEN :listing END,
     :in_order, :by_section, :sections_as_of)
ON CONFLICT (product_id, kind) DO UPDATE SET
    complete_as_of = CASE WHEN :complete THEN :as_of ELSE complete_as_of END,
    complete_from = CASE WHEN :complete THEN :complete_from ELSE complete_from END,
    current_as_of = excluded.current_as_of,
    last_outcome = excluded.last_outcome,
    updated_at = excluded.updated_at,
    listed_as_of = coalesce(excluded.listed_as_of, listed_as_of),
    full_listing = coalesce(excluded.full_listing, full_listing),
    in_order = CASE WHEN :ended THEN :in_order ELSE min(in_order, :in_order) END,
    by_section = :by_section,
    sections_as_of = coalesce(:sections_as_of, sections_as_of),
    open_listing = CASE WHEN open_listing = :listing THEN NULL ELSE open_listing END,
    resume_listing = CASE WHEN :ended THEN NULL ELSE resume_listing END,
    resume = CASE WHEN :ended THEN NULL ELSE resume END,
    wants_full = CASE WHEN :ended THEN NULL ELSE wants_full END,
    last_error = CASE WHEN :well THEN NULL ELSE last_error END,
    failing_since = CASE WHEN :well THEN NULL ELSE failing_since END,
    consecutive_failures = CASE WHEN :well THEN 0 ELSE consecutive_failures END
"""

WANT_FULL = "UPDATE sync_cursors SET wants_full = ? WHERE product_id = ? AND kind = ?"
