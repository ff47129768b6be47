"""The live account as `verify` reads it: whole lists, or single tests."""

from __future__ import annotations

from dataclasses import dataclass

from actors.jobs.features import features_by_section, plain_features
from rules.diagnosis.verifying import Live
from rules.listing.windows import Window
from rules.records import BadRow, FeatureRecord, ProductRecord, TestRecord
from testio.client import TestioClient
from testio.errors import ServerError, Timeout
from testio.limits import RequestScope
from testio.payloads import Rows

PAGE_SIZE = 25
"""The remote's own default."""
MAX_PAGES = 20_000


class NotReadable(Exception):
    """A list that cannot be read without a gap; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveList:
    """Everything that the account lists; `unusable` are records that cannot be compared."""

    records: tuple[Live, ...]
    unusable: tuple[BadRow, ...] = ()


def live_tests(client: TestioClient, product_id: int, scope: RequestScope) -> LiveList:
    """All tests of a product, by plain pages of one size from the first to an empty one.

    Not by `rules.listing`, which would check the sync's reader with itself. So nothing here sees
    a row that moves between two pages; what seems to be missing is looked at again one by one.
    Raises NotReadable or TestioError.
    """
    found: dict[int, TestRecord] = {}
    unusable: dict[str, BadRow] = {}
    before: tuple[int | None, ...] = ()
    for number in range(1, MAX_PAGES + 1):
        rows = _page_of_tests(client, product_id, number, scope)
        is_new = rows.ids != before and any(key not in found for key in rows.ids)
        before = rows.ids
        found |= {record.id: record for record in rows.records}
        unusable |= {bad.fingerprint: bad for bad in rows.bad_rows}
        if not is_new:  # an empty page; or all rows once more, as the remote ignores paging
            break
    else:
        raise NotReadable(f"no end within {MAX_PAGES} pages")
    return LiveList(
        records=tuple(live_test(record) for record in found.values()),
        unusable=tuple(unusable.values()),
    )


def _page_of_tests(
    client: TestioClient, product_id: int, number: int, scope: RequestScope
) -> Rows[TestRecord]:
    """One page; where it fails for good, what can be shown of it, row by row."""
    try:
        return client.list_tests(product_id, Window(page=number, per_page=PAGE_SIZE), scope)
    except (ServerError, Timeout):
        first = (number - 1) * PAGE_SIZE
        singles = [
            _single_row(client, product_id, position, scope)
            for position in range(first + 1, first + PAGE_SIZE + 1)
        ]
        if all(row.ids == (None,) for row in singles):
            raise
        return Rows(
            ids=tuple(key for row in singles for key in row.ids),
            records=tuple(record for row in singles for record in row.records),
            bad_rows=tuple(bad for row in singles for bad in row.bad_rows),
        )


def _single_row(
    client: TestioClient, product_id: int, position: int, scope: RequestScope
) -> Rows[TestRecord]:
    try:
        window = Window(page=position, per_page=1)
        return client.list_tests(product_id, window, scope, patient=False)
    except ServerError:
        bad = BadRow(
            position=position,
            record_id=None,
            reason="the remote fails on every page that holds it",
            excerpt="",
            fingerprint=f"position {position}",
        )
        return Rows(ids=(None,), records=(), bad_rows=(bad,))


def live_test(record: TestRecord) -> Live:
    """One test, from a list or fetched alone."""
    return Live(
        id=record.id,
        content_hash=record.content_hash,
        start_at=record.start_at,
        end_at=record.end_at,
    )


def live_products(rows: Rows[ProductRecord]) -> tuple[Live, ...]:
    """The product list."""
    return tuple(_live(record) for record in rows.records)


def live_features(
    client: TestioClient, product: ProductRecord, scope: RequestScope, *, by_section: bool
) -> LiveList:
    """All features of a product, the way the mirror has read them. Raises TestioError."""
    sections = product.section_ids if product.has_sections else ()
    rows = None
    if not (by_section and sections):
        rows = plain_features(lambda: client.list_features(product.id, scope), sections)
    if rows is None:
        records, unusable = features_by_section(client, product.id, sections, scope)
        return LiveList(records=tuple(map(_live, records)), unusable=unusable)
    return LiveList(records=tuple(map(_live, rows.records)), unusable=rows.bad_rows)


def _live(record: ProductRecord | FeatureRecord) -> Live:
    return Live(id=record.id, content_hash=record.content_hash)
