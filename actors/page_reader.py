"""Asks for pages only if they have changed, where the mirror holds what they said last.

What the remote calls unchanged stands in the database, row for row, at the moment of asking
(`rules.page_tags`); when the page is stored, each row is looked at again (`rules.changes`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from actors.clock import Clock
from actors.parts import ProductDirectory
from rules.model import SyncOptions
from rules.page_tags import HeldRow, PageTag, tag_for
from rules.places import PagePlace
from rules.records import BadRow
from testio.errors import NotModified
from testio.payloads import MAPPING, R, Rows

Ask = Callable[[str | None], Rows[R]]
"""Asks for a page, given the ETag to send along. Raises NotModified or TestioError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRead(Generic[R]):
    """One answer: `records` and `bad_rows` of a body, or `unchanged` rows, which the mirror holds.

    `ids` has an entry for each row, None where unusable. `tags` are to be kept with the page;
    `unchanged_urls` are those that the remote called unchanged.
    """

    asked_at: datetime
    ids: tuple[int | None, ...]
    records: tuple[R, ...] = ()
    bad_rows: tuple[BadRow, ...] = ()
    unchanged: tuple[HeldRow, ...] = ()
    unchanged_urls: tuple[str, ...] = ()
    tags: tuple[PageTag, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReader:
    """Reads pages for one task, on any thread. `asks`: by the ETags that are known; `keeps`: new
    ones are kept."""

    directory: ProductDirectory
    clock: Clock
    asks: bool
    keeps: bool

    def read(self, place: PagePlace | None, ask: Ask[R]) -> PageRead[R]:
        """One page; without a `place` it is asked for as if nothing were known of it."""
        held = None
        if place is not None and self.asks:
            held = self.directory.held_page(place, MAPPING)
        now = self.clock.now()
        if held is None:
            return self._told(place, ask(None), now)
        try:
            return self._told(place, ask(held.tag.etag), now)
        except NotModified:
            tag = held.tag
            return PageRead(
                asked_at=now,
                ids=tag.ids,
                unchanged=held.rows,
                unchanged_urls=(tag.place.url,),
            )

    def _told(self, place: PagePlace | None, rows: Rows[R], now: datetime) -> PageRead[R]:
        tag = None
        if place is not None and self.keeps:
            contents = [(record.id, record.content_hash) for record in rows.records]
            tag = tag_for(place, rows.etag, ids=rows.ids, contents=contents, mapping=MAPPING)
        return PageRead(
            asked_at=now,
            ids=rows.ids,
            records=rows.records,
            bad_rows=rows.bad_rows,
            tags=() if tag is None else (tag,),
        )


def reader_for(
    options: SyncOptions, directory: ProductDirectory, clock: Clock, *, asks: bool = True
) -> PageReader:
    """`--force` believes no ETag. `--since` and a fresh start keep none either: their rows are no
    listing's, or not yet the mirror's."""
    keeps = options.since is None and not options.nuke
    return PageReader(
        directory=directory,
        clock=clock,
        asks=asks and keeps and not options.force,
        keeps=keeps,
    )
