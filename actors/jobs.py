"""How one product is carried through one phase: pages for the Mirror, one after the other.

Each job is a generator. The worker sends every page to the Mirror and goes on only when it is
stored; the last page carries the cursor's move. What the generator returns is the outcome.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from actors.clock import Clock
from actors.messages import SyncProduct
from actors.parts import ProductDirectory, RemoteClient, Sections
from rules.listing import Listing, Reading, Seen
from rules.model import ErrorKind, Kind, Outcome, Problem, SyncPhase
from rules.records import BadRow, CursorMove, FeatureRecord, Page, TestRecord
from rules.sections import merge
from testio.errors import BadPayload, NotFound, ServerError
from testio.limits import RequestScope
from testio.payloads import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a product came out, and why not better; and what is odd about the remote's answer."""

    outcome: Outcome
    problem: Problem | None = None
    warning: str | None = None


Job = Generator[Page, None, Verdict]


def job_for(
    task: SyncProduct, client: RemoteClient, directory: ProductDirectory, clock: Clock
) -> Job:
    """The job that a SyncProduct asks for. Raises TestioError while it is carried out."""
    scope = task.ticket.requests
    match task.phase:
        case SyncPhase.PRODUCTS:
            return list_products(client, scope, clock)
        case SyncPhase.FEATURES:
            return list_features(client, directory, task.product_id, scope, clock)
        case SyncPhase.NEW_TESTS:
            since = task.ticket.request.options.mirror_since
            return list_tests(client, task.product_id, since, scope, clock)
        case _:
            assert_never(task.phase)


def list_products(client: RemoteClient, scope: RequestScope, clock: Clock) -> Job:
    """The whole product list, in one page."""
    as_of = clock.now()
    rows = client.list_products(scope)
    yield Page(
        product_id=0,
        kind=Kind.PRODUCTS,
        records=rows.records,
        bad_rows=rows.bad_rows,
        cursor=CursorMove(as_of=as_of),
    )
    return _verdict(rows.bad_rows)


def list_features(
    client: RemoteClient,
    directory: ProductDirectory,
    product_id: int,
    scope: RequestScope,
    clock: Clock,
) -> Job:
    """All features of a product, in one page."""
    now = clock.now()
    sections = directory.sections_of(product_id)
    rows = _plain_features(client, product_id, sections, scope)
    if rows is not None:
        as_of, records, bad_rows = now, rows.records, rows.bad_rows
    else:
        # A section that came up after the list of sections was read is not among them.
        as_of = min(now, sections.as_of or now)
        records, bad_rows = _features_by_section(client, product_id, sections, scope)
    yield Page(
        product_id=product_id,
        kind=Kind.FEATURES,
        records=records,
        bad_rows=bad_rows,
        cursor=CursorMove(as_of=as_of),
    )
    return _verdict(bad_rows)


def _plain_features(
    client: RemoteClient, product_id: int, sections: Sections, scope: RequestScope
) -> Rows[FeatureRecord] | None:
    """By the plain endpoint; None where that does not answer for a product with sections."""
    if not sections.ids:
        return client.list_features(product_id, scope)
    try:
        rows = client.list_features(product_id, scope)
    except (NotFound, ServerError, BadPayload):
        return None  # older deployments answer so; if it is real, the sections fail as well
    return rows if rows.ids else None


def _features_by_section(
    client: RemoteClient, product_id: int, sections: Sections, scope: RequestScope
) -> tuple[tuple[FeatureRecord, ...], tuple[BadRow, ...]]:
    listed: list[tuple[int, FeatureRecord]] = []
    bad_rows: list[BadRow] = []
    for section_id in sections.ids:
        rows = client.list_section_features(product_id, section_id, scope)
        listed += [(section_id, record) for record in rows.records]
        bad_rows += rows.bad_rows
    return merge(listed), tuple(bad_rows)


def list_tests(
    client: RemoteClient,
    product_id: int,
    since: datetime | None,
    scope: RequestScope,
    clock: Clock,
) -> Job:
    """All tests of a product, window by window, as `rules.listing` decides."""
    as_of = clock.now()
    listing = Listing(since=since)
    bad: dict[str, BadRow] = {}
    while True:
        page = _next_page(client, listing, product_id, since, scope)
        # One without an id is handed out with every window that holds it.
        page = replace(page, bad_rows=tuple(b for b in page.bad_rows if b.fingerprint not in bad))
        bad |= {b.fingerprint: b for b in page.bad_rows}
        if listing.state is not Reading.GOING_ON:
            break
        if page.records or page.bad_rows:
            yield page
    warning = None if listing.ordered else "the tests do not come newest end first"
    if listing.state is Reading.ABANDONED:
        yield page
        problem = Problem(kind=ErrorKind.LIST_MOVED, message=listing.why_abandoned)
        return Verdict(outcome=Outcome.PARTIAL, problem=problem, warning=warning)
    yield replace(page, cursor=CursorMove(as_of=as_of, complete_from=since))
    return replace(_verdict(tuple(bad.values())), warning=warning)


def _next_page(
    client: RemoteClient,
    listing: Listing,
    product_id: int,
    since: datetime | None,
    scope: RequestScope,
) -> Page:
    """Ask for the next window; the page holds what of it is to be stored."""
    window = listing.next_window()
    rows = client.list_tests(product_id, window, scope)
    by_id = {record.id: record for record in rows.records}
    ends = [by_id[key].end_at if key in by_id else None for key in rows.ids]
    seen = [Seen(id=key, end_at=end) for key, end in zip(rows.ids, ends, strict=True)]
    taken = listing.take(window, seen)
    fresh = {rows.ids[index] for index in taken}
    positions = {window.offset + index + 1 for index in taken}
    return Page(
        product_id=product_id,
        kind=Kind.TESTS,
        records=tuple(r for r in rows.records if r.id in fresh and _is_wanted(r, since)),
        bad_rows=tuple(bad for bad in rows.bad_rows if bad.position in positions),
    )


def _is_wanted(record: TestRecord, since: datetime | None) -> bool:
    """A test without an end is always wanted: it may still get one."""
    return since is None or record.end_at is None or record.end_at >= since


def _verdict(bad_rows: Sequence[BadRow]) -> Verdict:
    if not bad_rows:
        return Verdict(outcome=Outcome.COMPLETE)
    first = bad_rows[0]
    message = f"{len(bad_rows)} unusable records, the first at position {first.position}: "
    problem = Problem(kind=ErrorKind.BAD_ROWS, message=message + first.reason)
    return Verdict(outcome=Outcome.PARTIAL, problem=problem)
