"""Writes pages of rows, each with its gaps, its deletions and its cursor, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from sqlite3 import Connection

from rules.mirror.changes import StoredRow, compare, listed_elsewhere
from rules.mirror.deletions import missing_from
from rules.model import Counts, Kind
from rules.records import BadRow, ListingEnd, Page, PendingDeletion, Stored
from storage.engine.database import Database
from storage.engine.times import as_text
from storage.writes.cursor_rows import move_cursor, open_listing, want_full
from storage.writes.deletion_rows import hold, live_rows, mark_gone, note_missing, release
from storage.writes.metric_rows import store_metrics
from storage.writes.page_batch import may_share, store_together
from storage.writes.page_state import state_before
from storage.writes.part_rows import store_parts
from storage.writes.quarantine_rows import open_gaps, resolve_not_met, store_gaps
from storage.writes.row_sql import confirm, learn, upsert


class MirrorRows:
    """The entity tables, the cursors and the quarantine, for the one writer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store_page(self, page: Page, *, run_id: int, at: datetime) -> Stored:
        """Write one page, all or nothing; returns what it came to.

        Raises StorageError, and then nothing of the page is stored. A page that marks rows as
        gone is on disk on return.
        """
        with self._database.transaction(durable=bool(page.gone)) as connection:
            return store_in(connection, page, run_id=run_id, at=at)

    def store_pages(self, pages: Sequence[Page], *, at: datetime) -> tuple[Stored, ...] | None:
        """Write pages that waited together, all or nothing; what each came to, in order.

        None, with nothing written, where they are not of a kind to be stored together. Raises
        StorageError.
        """
        if not may_share(pages):
            return None
        with self._database.transaction() as connection:
            return store_together(connection, pages, at=at)


def store_in(connection: Connection, page: Page, *, run_id: int, at: datetime) -> Stored:
    """Write one page within a transaction that somebody else has begun."""
    now = as_text(at)
    listing = run_id if page.listing is None else page.listing.id
    before = state_before(connection, page)
    page = _without_those_listed_elsewhere(page, before.stored_rows, run_id)
    if page.listing is not None and page.kind is not Kind.BUGS:  # bugs have no cursor
        open_listing(connection, page, before.open_listing, now)
    counts = _store_records(connection, page, before.stored_rows, now)
    store_gaps(connection, page, listing, at, may_heal=before.gaps > 0)
    counts += Counts(gone=mark_gone(connection, page.kind, page.gone, now))
    if page.confirmed:
        _note_confirmed(connection, page)
    if page.wants_full is not None:
        want_full(connection, page.product_id, page.kind, page.wants_full)
    stored = Stored(counts=counts)
    if page.pending is not None:
        pending_id = hold(connection, page.product_id, page.kind, page.pending, run_id, now)
        stored = replace(stored, pending_id=pending_id)
    is_clean = before.gaps == 0 and not page.bad_rows and not page.holes
    if page.cursor is not None:
        stored = _end_listing(connection, page, stored, run_id, listing, now)
    if is_clean:
        return stored
    return replace(stored, gaps=open_gaps(connection, page.product_id, page.kind))


def _without_those_listed_elsewhere(
    page: Page, stored_rows: Mapping[int, StoredRow], run_id: int
) -> Page:
    """One list or the other is wrong: the row stays where it was seen first, and it is told."""
    if page.kind not in (Kind.FEATURES, Kind.TESTS):
        return page
    if page.kind is Kind.TESTS and page.listing is None:
        return page  # a test that is fetched by itself says whose it is
    others = listed_elsewhere(page.records, stored_rows, owner=page.product_id, run_id=run_id)
    if not others:
        return page
    told = tuple(
        BadRow(
            position=index,
            record_id=record.id,
            reason=f"product {others[record.id]} lists it as well",
            excerpt="",
            fingerprint=f"{record.id} in two lists",
        )
        for index, record in enumerate(page.records, 1)
        if record.id in others
    )
    kept = tuple(record for record in page.records if record.id not in others)
    return replace(page, records=kept, bad_rows=(*page.bad_rows, *told))


def _store_records(
    connection: Connection, page: Page, stored_rows: Mapping[int, StoredRow], now: str
) -> Counts:
    listed_in = None if page.listing is None else page.listing.id
    changes = compare(page.records, stored_rows)
    rewritten = (*changes.new, *changes.changed)
    upsert(connection, page.kind, rewritten, listed_in, now)
    learn(connection, changes.learned)
    store_parts(connection, (*rewritten, *changes.learned), now)
    store_metrics(connection, page.records, now)
    confirm(connection, page, [record.id for record in changes.unchanged], now)
    quarantined = sum(fingerprint not in page.counted for fingerprint in page.gaps)
    return changes.counts_without(page.counted) + Counts(quarantined=quarantined)


def _note_confirmed(connection: Connection, page: Page) -> None:
    connection.execute(
        "UPDATE tests SET checked_in ="
        " (SELECT full_listing FROM sync_cursors WHERE product_id = ? AND kind = 'tests')"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (page.product_id, json.dumps(page.confirmed)),
    )


def _end_listing(
    connection: Connection, page: Page, stored: Stored, run_id: int, listing: int, now: str
) -> Stored:
    """What follows from a listing that ended well: rows that it lacks, and the cursor's move."""
    assert page.cursor is not None
    if page.cursor.end is ListingEnd.END:
        resolve_not_met(connection, page.product_id, page.kind, listing, now)
    if page.kind is not Kind.TESTS and not page.bad_rows:
        stored = _settle_missing(connection, page, stored, run_id, listing, now)
        if stored.pending_id is not None:
            return stored
    if page.cursor.end is ListingEnd.END and (page.kind is Kind.TESTS or not page.bad_rows):
        release(connection, page.product_id, page.kind, now)
    if page.kind is Kind.BUGS:
        return stored
    move_cursor(
        connection,
        product_id=page.product_id,
        kind=page.kind,
        move=page.cursor,
        listing=listing,
        gaps=open_gaps(connection, page.product_id, page.kind),
        now=now,
    )
    return stored


def _settle_missing(
    connection: Connection, page: Page, stored: Stored, run_id: int, listing: int, now: str
) -> Stored:
    """An unpaged list was read in full: decide on the rows that it lacks."""
    assert page.cursor is not None
    live = live_rows(connection, page.kind, page.product_id)
    missing = missing_from(
        live,
        page.listed_ids,
        listing=listing,
        confirming=page.cursor.confirming,
    )
    if missing.pending:
        pending = PendingDeletion(
            ids=missing.pending, of_rows=len(live), reason=missing.why_pending
        )
        pending_id = hold(connection, page.product_id, page.kind, pending, run_id, now)
        return replace(stored, pending_id=pending_id, missing=len(missing.pending))
    note_missing(connection, page.kind, missing.noted, listing)
    gone = mark_gone(connection, page.kind, missing.gone, now)
    return replace(stored, counts=stored.counts + Counts(gone=gone), missing=len(missing.noted))
