"""The ETags of pages, each with what its page said (`rules.page_tags`)."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from datetime import datetime
from sqlite3 import Connection

from rules.model import Kind
from rules.page_tags import HeldPage, HeldRow, PageTag, held_page
from rules.places import PagePlace
from rules.records import ListingEnd, Page
from storage.damage import json_of
from storage.listing_state import IS_KNOWN
from storage.schema import OWNERS, TABLES


def note_pages(connection: Connection, page: Page, listing: int, *, is_clean: bool) -> None:
    """What a page that is being stored teaches about the remote's pages.

    `is_clean`: all records of its list can be read. At the end of a listing of the whole list the
    windows that it did not ask for are forgotten: they may never be asked for again.
    """
    if page.tags and is_clean:
        connection.executemany(KEEP, [_row_of(tag, listing) for tag in page.tags])
    if page.kind is not Kind.TESTS:
        return  # one page only
    is_end = page.cursor is not None and page.cursor.end is ListingEnd.END
    is_full = page.listing is not None and page.listing.full
    if page.unchanged_urls and (is_full or is_end):
        connection.execute(CONFIRM, (listing, json.dumps(page.unchanged_urls)))
    if is_end:
        connection.execute(FORGET_OTHERS, (page.product_id, page.kind.value, listing))


def _row_of(tag: PageTag, listing: int) -> tuple[object, ...]:
    place = tag.place
    return (
        place.url,
        place.product_id,
        place.kind.value,
        place.page_size,
        tag.etag,
        json.dumps(tag.ids),
        tag.digest,
        tag.mapping,
        listing,
    )


def forget_pages_of(connection: Connection, product_ids: Iterable[int]) -> None:
    """These products are gone."""
    connection.execute(FORGET_PRODUCTS, (json.dumps(list(product_ids)),))


def forget_all_pages(connection: Connection) -> None:
    """What was asked before says nothing about what will be asked."""
    connection.execute("DELETE FROM page_etags")


def page_held(connection: Connection, place: PagePlace, mapping: int) -> HeldPage | None:
    """A page that the database holds just as the remote told it last, with its ETag.

    None while records of that list cannot be read: then nothing is left out of what is asked for.
    """
    found = connection.execute(
        _held_statement(place.kind), {"url": place.url, "owner": place.product_id}
    ).fetchone()
    if found is None:
        return None
    tag = PageTag(
        place=place,
        etag=found["etag"],
        ids=tuple(json_of(found["row_ids"], "row_ids")),
        digest=found["digest"],
        mapping=found["mapping"],
    )
    rows = (_held_row(*row) for row in json.loads(found["rows"]))
    return held_page(tag, rows, mapping=mapping)


def _held_row(key: int, content_hash: str, end_at: str | None, known: int) -> HeldRow:
    end = None if end_at is None else datetime.fromisoformat(end_at)
    return HeldRow(id=key, content_hash=content_hash, end_at=end, known=bool(known))


@functools.cache
def _held_statement(kind: Kind) -> str:
    """With the rows that are there now; what only tests have is null for others.

    `CROSS JOIN` has SQLite go from the few ids to their rows, never over all rows of a product.
    """
    owner = OWNERS[kind]
    belongs = "" if owner is None else f" AND t.{owner} = :owner"
    of_tests = f"t.end_at, ({IS_KNOWN})" if kind is Kind.TESTS else "NULL, 0"
    return f"""
    SELECT e.etag, e.row_ids, e.digest, e.mapping, (
        SELECT json_group_array(json_array(t.id, t.content_hash, {of_tests}))
        FROM json_each(e.row_ids) AS listed
        CROSS JOIN {TABLES[kind].name} AS t ON t.id = listed.value
        LEFT JOIN sync_cursors AS c ON c.product_id = e.product_id AND c.kind = e.kind
        WHERE t.deleted_at IS NULL{belongs}
    ) AS "rows"
    FROM page_etags AS e WHERE e.url = :url AND NOT EXISTS (
        SELECT 1 FROM quarantine AS q
        WHERE q.product_id = e.product_id AND q.kind = e.kind AND q.resolved_at IS NULL
    )
    """


KEEP = """
INSERT OR REPLACE INTO page_etags
    (url, product_id, kind, page_size, etag, row_ids, digest, mapping, listing)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

CONFIRM = "UPDATE page_etags SET listing = ? WHERE url IN (SELECT value FROM json_each(?))"

FORGET_OTHERS = "DELETE FROM page_etags WHERE product_id = ? AND kind = ? AND listing <> ?"

FORGET_PRODUCTS = """
DELETE FROM page_etags
WHERE product_id <> 0 AND product_id IN (SELECT value FROM json_each(?))
"""
