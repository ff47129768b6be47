"""The live account as `verify` reads it: whole lists, or single tests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from actors.tests_reading import MAX_WINDOWS
from rules.listing import Listing, Reading
from rules.records import BadRow, FeatureRecord, HoleRecord, ProductRecord, TestRecord
from rules.sections import merge
from rules.stops import Seen
from rules.verifying import Live
from testio.client import TestioClient
from testio.errors import BadPayload, NotFound, ServerError, Timeout
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
    patient = True
    for _ in range(MAX_WINDOWS):
        rows = _next_rows(client, listing, product_id, scope, patient=patient)
        patient = patient and rows is not None
        if rows is not None:
            found |= {record.id: record for record in rows.records}
            unusable |= {bad.fingerprint: bad for bad in rows.bad_rows}
        unusable |= {hole.fingerprint: _as_bad_row(hole) for hole in listing.take_holes()}
        if listing.state is not Reading.GOING_ON:
            break
    if listing.state is not Reading.COMPLETE:
        raise NotReadable(listing.why_abandoned or f"no end within {MAX_WINDOWS} pages")
    return LiveList(
        records=tuple(live_test(record) for record in found.values()),
        unusable=tuple(unusable.values()),
    )


def _next_rows(
    client: TestioClient,
    listing: Listing,
    product_id: int,
    scope: RequestScope,
    *,
    patient: bool,
) -> Rows[TestRecord] | None:
    """The next window's rows; none where it was too slow, None where it fails and is split."""
    window = listing.next_window()
    retry_slow = not listing.may_be_smaller(window)
    try:
        rows = client.list_tests(product_id, window, scope, patient=patient, retry_slow=retry_slow)
    except Timeout:
        if retry_slow:
            raise
        listing.too_slow(window)
        return Rows(records=(), bad_rows=(), ids=())
    except ServerError:
        listing.failed(window)
        if listing.state is Reading.REFUSED:
            raise
        return None
    ends = {record.id: record.end_at for record in rows.records}
    listing.take(window, [Seen(id=key, end_at=ends.get(key or 0)) for key in rows.ids])
    return rows


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
        hashes=frozenset({record.content_hash}),
        data=record.data,
        start_at=record.start_at,
        end_at=record.end_at,
    )


def live_products(rows: Rows[ProductRecord]) -> tuple[Live, ...]:
    """The product list."""
    return tuple(_live(record, {record.content_hash}) for record in rows.records)


def live_features(
    client: TestioClient, product: ProductRecord, scope: RequestScope, *, by_section: bool
) -> LiveList:
    """All features of a product, the way the mirror has read them. Raises TestioError."""
    rows = None
    if not (by_section and product.section_ids):
        rows = _plain_features(client, product, scope)
    if rows is None:
        return _features_by_section(client, product, scope)
    return LiveList(
        records=tuple(_live(record, {record.content_hash}) for record in rows.records),
        unusable=rows.bad_rows,
    )


def _plain_features(
    client: TestioClient, product: ProductRecord, scope: RequestScope
) -> Rows[FeatureRecord] | None:
    """By the plain endpoint; None where that does not answer for a product with sections."""
    if not product.has_sections:
        return client.list_features(product.id, scope)
    try:
        rows = client.list_features(product.id, scope)
    except (NotFound, ServerError, Timeout, BadPayload):
        return None
    return rows if rows.ids else None


def _features_by_section(
    client: TestioClient, product: ProductRecord, scope: RequestScope
) -> LiveList:
    listed: list[tuple[int, FeatureRecord]] = []
    unusable: list[BadRow] = []
    for section_id in product.section_ids:
        rows = client.list_section_features(product.id, section_id, scope)
        listed += [(section_id, record) for record in rows.records]
        unusable += rows.bad_rows
    # The mirror may hold the same feature from the plain endpoint, without its sections.
    plain = {record.id: record.content_hash for _, record in listed}
    merged = merge(listed)
    return LiveList(
        records=tuple(_live(record, {record.content_hash, plain[record.id]}) for record in merged),
        unusable=tuple(unusable),
    )


def _live(record: ProductRecord | FeatureRecord, hashes: Collection[str]) -> Live:
    return Live(id=record.id, hashes=frozenset(hashes), data=record.data)
