"""What the database holds where a page is about to be stored, asked for in one statement.

Each statement lets go of the interpreter and has to wait for it again, behind every thread that
parses an answer just then; so the writer asks once.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Connection

from rules.mirror.changes import StoredRow
from rules.mirror.details import KnownDetails
from rules.model import Kind
from rules.records import Page
from storage.engine.damage import json_of
from storage.schema import OWNERS, TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class PageState:
    """What is there of a page before it is written.

    `stored_rows`: its rows. `gaps`: open entries of the quarantine.
    `open_listing`: the listing of the page's sort that has begun and not ended.
    """

    stored_rows: Mapping[int, StoredRow]
    gaps: int
    open_listing: int | None


def state_before(connection: Connection, page: Page) -> PageState:
    """What is there now."""
    ids = json.dumps([record.id for record in page.records])
    is_full = page.listing is not None and page.listing.full
    statement = _statement(page.kind, is_full)
    place = {"ids": ids, "product_id": page.product_id, "kind": page.kind.value}
    stored_rows, gaps, open_listing = connection.execute(statement, place).fetchone()
    return PageState(
        stored_rows={
            key: StoredRow(
                content_hash=content_hash,
                is_deleted=bool(is_deleted),
                owner=owner,
                listed_in=listed_in,
                known=None if is_deleted else _known(*more),
            )
            for key, content_hash, is_deleted, owner, listed_in, *more in json.loads(stored_rows)
        },
        gaps=gaps,
        open_listing=open_listing,
    )


def _known(section_ids: str | None = None, data: str | None = None) -> KnownDetails | None:
    """Of a feature, what only some forms tell; no other row has it."""
    if data is None:
        return None
    ids = None if section_ids is None else tuple(json_of(section_ids, "section_ids"))
    return KnownDetails(section_ids=ids, data=data)


@functools.cache
def _statement(kind: Kind, is_full: bool) -> str:
    more = ", section_ids, data" if kind is Kind.FEATURES else ""
    columns = f"id, content_hash, deleted_at IS NOT NULL, {OWNERS[kind] or 0}, listed_in{more}"
    return f"""
    SELECT
        (SELECT json_group_array(
            json_array({columns}))
         FROM {TABLES[kind].name} WHERE id IN (SELECT value FROM json_each(:ids))),
        (SELECT count(*) FROM quarantine
         WHERE product_id = :product_id AND kind = :kind AND resolved_at IS NULL),
        (SELECT {"resume_listing" if is_full else "open_listing"} FROM sync_cursors
         WHERE product_id = :product_id AND kind = :kind)
    """
