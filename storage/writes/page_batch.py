"""Many plain pages of tests in one transaction, with hardly more statements than one page takes.

Each statement of the writer lets go of the interpreter, and then waits for it behind all threads
that parse answers. Page by page that was most of its time, and a sync of many connections waited
for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from sqlite3 import Connection

from rules.mirror.changes import Changes, StoredRow, compare
from rules.model import Kind
from rules.records import Page, Record, Stored
from storage.engine.times import as_text
from storage.writes.cursor_rows import open_listings
from storage.writes.row_sql import confirm, insert_rows, row_of


def may_share(pages: Sequence[Page]) -> bool:
    """Whether these pages can be stored together: plain ones of one sort, no row in two of them."""
    first = pages[0].listing
    if not all(page.is_plain and page.kind is Kind.TESTS for page in pages) or first is None:
        return False
    if any(page.listing is None or page.listing.full != first.full for page in pages):
        return False
    if len({page.product_id for page in pages}) < len(pages):
        return False
    ids = [record.id for page in pages for record in page.records]
    return len(set(ids)) == len(ids)


def store_together(
    connection: Connection, pages: Sequence[Page], *, at: datetime
) -> tuple[Stored, ...] | None:
    """Write the pages within a transaction that somebody else has begun.

    None, with nothing written, where one of them needs more than its rows: a healed entry of the
    quarantine, the rows of an abandoned listing to be forgotten, a row that stood in another
    product's list.
    """
    stored_rows = _stored_rows(connection, pages)
    if stored_rows is None or _is_anywhere_else(pages, stored_rows):
        return None
    now = as_text(at)
    changes = [compare(page.records, stored_rows) for page in pages]
    open_listings(connection, pages, now)
    insert_rows(connection, Kind.TESTS, _rows(pages, changes, now))
    stored = []
    for page, change in zip(pages, changes, strict=True):
        confirm(connection, page, [record.id for record in change.unchanged], now)
        stored.append(Stored(counts=change.counts_without(page.counted)))
    return tuple(stored)


def _is_anywhere_else(pages: Sequence[Page], stored_rows: Mapping[int, StoredRow]) -> bool:
    return any(
        stored_rows[record.id].owner != page.product_id
        for page in pages
        for record in page.records
        if record.id in stored_rows
    )


def _rows(
    pages: Sequence[Page], changes: Sequence[Changes[Record]], now: str
) -> list[tuple[object, ...]]:
    return [
        row_of(record, None if page.listing is None else page.listing.id, now)
        for page, change in zip(pages, changes, strict=True)
        for record in (*change.new, *change.changed)
    ]


def _stored_rows(connection: Connection, pages: Sequence[Page]) -> dict[int, StoredRow] | None:
    """The rows that are there; None where a page is not as plain as it looks."""
    marks = [page.listing for page in pages if page.listing is not None]
    places = [[page.product_id, mark.id] for page, mark in zip(pages, marks, strict=True)]
    ids = [record.id for page in pages for record in page.records]
    column = "resume_listing" if marks[0].full else "open_listing"
    found, others = connection.execute(
        HELD.format(column=column), {"ids": json.dumps(ids), "places": json.dumps(places)}
    ).fetchone()
    if others:
        return None
    return {
        key: StoredRow(content_hash=content_hash, is_deleted=bool(is_deleted), owner=owner)
        for key, content_hash, is_deleted, owner in json.loads(found)
    }


HELD = """
SELECT
    (SELECT json_group_array(json_array(id, content_hash, deleted_at IS NOT NULL, product_id))
     FROM tests WHERE id IN (SELECT value FROM json_each(:ids))),
    (SELECT count(*) FROM json_each(:places) AS place
     WHERE EXISTS (
        SELECT 1 FROM quarantine
        WHERE product_id = json_extract(place.value, '$[0]') AND kind = 'tests'
            AND resolved_at IS NULL)
     OR EXISTS (
        SELECT 1 FROM sync_cursors
        WHERE product_id = json_extract(place.value, '$[0]') AND kind = 'tests'
            AND {column} IS NOT NULL AND {column} <> json_extract(place.value, '$[1]')))
"""
