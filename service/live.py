"""The live account as `verify` reads it: whole lists, or single tests."""

from __future__ import annotations

from dataclasses import dataclass

from actors.features import features_by_section, plain_features
from actors.list_windows import read_windows
from actors.tests_reading import MAX_WINDOWS
from rules.listing import Listing, Reading
from rules.records import BadRow, FeatureRecord, HoleRecord, ProductRecord, TestRecord
from rules.verifying import Live
from testio.client import TestioClient
from testio.limits import RequestScope
from testio.payloads import Rows


class NotReadable(Exception):
    """A list that cannot be read without a gap; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveList:
    """Everything that the account lists; `unusable` are records that cannot be compared."""

    records: tuple[Live, ...]
    unusable: tuple[BadRow, ...] = ()


def live_tests(client: TestioClient, product_id: int, scope: RequestScope) -> LiveList:
    """All tests of a product, but for the holes. Raises NotReadable or TestioError."""
    listing = Listing()
    found: dict[int, TestRecord] = {}
    unusable: dict[str, BadRow] = {}
    windows = read_windows(
        listing,
        lambda window, patient, retry_slow: client.list_tests(
            product_id, window, scope, patient=patient, retry_slow=retry_slow
        ),
        lambda _rows: (),
        most=MAX_WINDOWS,
    )
    for taken in windows:
        found |= {record.id: record for record in taken.records}
        unusable |= {bad.fingerprint: bad for bad in taken.bad_rows}
    unusable |= {hole.fingerprint: _as_bad_row(hole) for hole in listing.take_holes()}
    if listing.state is not Reading.COMPLETE:
        raise NotReadable(listing.why_abandoned or f"no end within {MAX_WINDOWS} pages")
    return LiveList(
        records=tuple(live_test(record) for record in found.values()),
        unusable=tuple(unusable.values()),
    )


def _as_bad_row(hole: HoleRecord) -> BadRow:
    return BadRow(
        position=hole.position,
        record_id=None,
        reason="the remote fails on every page that holds it",
        excerpt="",
        fingerprint=hole.fingerprint,
    )


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
