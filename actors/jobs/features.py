"""The two forms in which the remote tells a product's features: plain, or section by section.

The plain list does not tell in which sections a feature stands. So the sections are asked as well
where that is not known of a feature, where the product's sections have changed, and whenever the
reconcile interval has passed; in between the plain list alone is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar

from actors.clock import Clock
from actors.messages import SyncProduct
from actors.ports import MirrorQueries, RemoteClient, Sections
from rules.listing.planning import CursorState, is_due
from rules.mirror.sections import merge, place, without_sections
from rules.model import Kind, Problem
from rules.records import (
    BadRow,
    CursorMove,
    FeatureRecord,
    ListingMark,
    Page,
    ProductRecord,
)
from testio.errors import (
    BadPayload,
    Cancelled,
    NotFound,
    ServerError,
    TestioError,
    Timeout,
    Unauthorized,
)
from testio.limits import RequestScope
from testio.payloads import Rows


class HasIds(Protocol):
    """An answer with the ids of its records."""

    @property
    def ids(self) -> tuple[int | None, ...]: ...


L = TypeVar("L", bound=HasIds)


def plain_features(ask: Callable[[], L], section_ids: Sequence[int]) -> L | None:
    """By the plain endpoint; None where that does not answer for a product with sections."""
    if not section_ids:
        return ask()
    try:
        rows = ask()
    except (NotFound, ServerError, Timeout, BadPayload):
        return None  # older deployments answer so; if it is real, the sections fail as well
    return rows if rows.ids else None


def features_by_section(
    client: RemoteClient, product_id: int, section_ids: Sequence[int], scope: RequestScope
) -> tuple[tuple[FeatureRecord, ...], tuple[BadRow, ...]]:
    """By the section endpoints, each feature once, with all the sections it stands in."""
    listed: list[tuple[int, FeatureRecord]] = []
    bad_rows: list[BadRow] = []
    for section_id in section_ids:
        rows = client.list_section_features(product_id, section_id, scope)
        listed += [(section_id, record) for record in rows.records]
        bad_rows += rows.bad_rows
    return merge(listed), tuple(bad_rows)


def unpaged_page(
    task: SyncProduct,
    kind: Kind,
    listed: Rows[ProductRecord] | Rows[FeatureRecord],
    move: CursorMove,
) -> Page:
    """An unpaged list that was read in full."""
    return Page(
        product_id=task.product_id,
        kind=kind,
        records=listed.records,
        bad_rows=listed.bad_rows,
        listing=ListingMark(id=task.ticket.run_id, full=True),
        cursor=move,
    )


class FeaturesReading:
    """Reads a product's features, by the endpoints that answer for it.

    `problem`: why the sections that the features stand in could not be read, if so; the features
    themselves were.
    """

    def __init__(
        self,
        task: SyncProduct,
        client: RemoteClient,
        queries: MirrorQueries,
        clock: Clock,
    ) -> None:
        self.problem: Problem | None = None
        self._task = task
        self._client = client
        self._queries = queries
        self._clock = clock

    def read(self) -> Page:
        """All features, whichever endpoint tells them. Raises TestioError."""
        now, self.problem = self._clock.now(), None
        sections = self._queries.sections_of(self._product_id)
        if not sections.ids:
            listed = self._read_plainly()
            records = without_sections(listed.records)
            move = CursorMove(as_of=now, sections_as_of=now)
            return self._page(replace(listed, records=records), move)
        cursor = self._queries.cursor(self._product_id, Kind.FEATURES)
        plain = None if self._goes_by_section(cursor) else self._plain(cursor, sections, now)
        return self._by_section(now, sections) if plain is None else plain

    @property
    def _product_id(self) -> int:
        return self._task.product_id

    def _read_plainly(self) -> Rows[FeatureRecord]:
        return self._client.list_features(self._product_id, self._task.requests)

    def _goes_by_section(self, cursor: CursorState) -> bool:
        """Remembered from the last listing; the plain form is tried anew now and then."""
        return cursor.by_section and not self._is_due(cursor.listed_as_of)

    def _is_due(self, last: datetime | None) -> bool:
        options = self._task.ticket.request.options
        if options.force or last is None:
            return True
        return is_due(self._product_id, last, options.reconcile_seconds, self._clock.now())

    def _plain(self, cursor: CursorState, sections: Sections, now: datetime) -> Page | None:
        """By the plain endpoint, and the sections beside it where they are to be asked."""
        placed = self._queries.placed_features(self._product_id)
        wants_sections = self._is_due(cursor.sections_as_of) or not all(placed.values())
        listed = plain_features(self._read_plainly, sections.ids)
        if listed is None:
            return None
        if listed.records and all(r.section_ids is not None for r in listed.records):
            return self._page(listed, CursorMove(as_of=now, sections_as_of=now))
        if wants_sections or any(r.id not in placed for r in listed.records):
            return self._with_sections(listed, now, sections)
        return self._page(listed, CursorMove(as_of=now))

    def _with_sections(
        self, listed: Rows[FeatureRecord], now: datetime, sections: Sections
    ) -> Page:
        """What the plain list has told, each feature where it stands."""
        try:
            in_sections, bad_rows = self._ask_sections(sections)
        except (Unauthorized, Cancelled):
            raise
        except TestioError as error:
            message = f"in which sections the features stand could not be read: {error}"
            self.problem = Problem(kind=error.kind, message=message)
            return self._page(listed, CursorMove(as_of=now))
        as_of = _as_of(now, sections)
        bad = {row.fingerprint: row for row in (*bad_rows, *listed.bad_rows)}
        records = place(listed.records, in_sections)
        listed = replace(listed, records=records, bad_rows=tuple(bad.values()))
        # A plain list that lacks what a section has is not the whole: from now on by section.
        lacks = any(record.id not in listed.ids for record in in_sections)
        move = CursorMove(as_of=as_of if lacks else now, by_section=lacks, sections_as_of=as_of)
        return self._page(listed, move)

    def _by_section(self, now: datetime, sections: Sections) -> Page:
        records, bad_rows = self._ask_sections(sections)
        ids = tuple(record.id for record in records)
        listed = Rows(ids=ids, records=records, bad_rows=bad_rows)
        as_of = _as_of(now, sections)
        move = CursorMove(as_of=as_of, by_section=bool(records), sections_as_of=as_of)
        return self._page(listed, move)

    def _ask_sections(
        self, sections: Sections
    ) -> tuple[tuple[FeatureRecord, ...], tuple[BadRow, ...]]:
        return features_by_section(
            self._client, self._product_id, sections.ids, self._task.requests
        )

    def _page(self, listed: Rows[FeatureRecord], move: CursorMove) -> Page:
        return unpaged_page(self._task, Kind.FEATURES, listed, move)


def _as_of(now: datetime, sections: Sections) -> datetime:
    """A section that came up after the list of sections was read is not among them."""
    return min(now, sections.as_of or now)
