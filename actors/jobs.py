"""How one product is carried through one phase: pages for the Mirror, one after the other.

Each job is a generator. The worker sends every page to the Mirror, goes on only when it is
stored, and sends the job what it came to; the last page carries the cursor's move. What the
generator returns is the outcome. Tests have files of their own: `actors/tests_job.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from actors.clock import Clock
from actors.features import features_by_section, plain_features
from actors.messages import SyncProduct
from actors.page_reader import PageRead, PageReader, reader_for
from actors.parts import ProductDirectory, RemoteClient, Sections
from actors.tests_job import list_tests
from actors.verdict import Job, Verdict, gaps_verdict
from rules.model import ErrorKind, Kind, Outcome, Problem, SyncPhase
from rules.places import page_of_features, page_of_products
from rules.planning import is_due
from rules.records import CursorMove, FeatureRecord, ListingMark, Page, ProductRecord, Stored
from testio.limits import RequestScope


def job_for(
    task: SyncProduct,
    client: RemoteClient,
    directory: ProductDirectory,
    clock: Clock,
    *,
    is_recognised: bool = True,
) -> Job:
    """The job that a SyncProduct asks for. Raises TestioError while it is carried out.

    Where the account is not recognised yet, only a list of products told in full can show it.
    """
    match task.phase:
        case SyncPhase.PRODUCTS:
            reader = reader_for(task.ticket.request.options, directory, clock, asks=is_recognised)
            return list_products(task, client, reader)
        case SyncPhase.FEATURES:
            return list_features(task, client, directory, clock)
        case SyncPhase.NEW_TESTS:
            return list_tests(task, client, directory, clock)
        case _:
            assert_never(task.phase)


def list_products(task: SyncProduct, client: RemoteClient, reader: PageReader) -> Job:
    """The whole product list, in one page."""

    def read() -> Page:
        listed = reader.read(
            page_of_products(), lambda etag: client.list_products(task.requests, etag=etag)
        )
        return _unpaged(task, Kind.PRODUCTS, listed, CursorMove(as_of=listed.asked_at))

    return (yield from _listed(task, read))


def list_features(
    task: SyncProduct, client: RemoteClient, directory: ProductDirectory, clock: Clock
) -> Job:
    """All features of a product, in one page."""
    features = _Features(task, client, directory, clock)
    return (yield from _listed(task, features.read))


def _unpaged(
    task: SyncProduct,
    kind: Kind,
    listed: PageRead[ProductRecord] | PageRead[FeatureRecord],
    move: CursorMove,
) -> Page:
    return Page(
        product_id=task.product_id,
        kind=kind,
        records=listed.records,
        bad_rows=listed.bad_rows,
        unchanged=listed.unchanged,
        unchanged_as_of=listed.asked_at,
        tags=listed.tags,
        listing=ListingMark(id=task.ticket.run_id, full=True),
        cursor=move,
    )


def _listed(task: SyncProduct, read: Callable[[], Page]) -> Job:
    """One page, read in full; with `--force` what it lacks is settled by a second reading.

    Without it the next run's listing is the second one (rule 8).
    """
    page = read()
    stored = yield page
    if task.ticket.request.options.force and stored.missing and stored.held is None:
        page = _confirming(read())
        stored = yield page
    bad = {row.fingerprint: row for row in page.bad_rows}
    if stored.held is not None:
        return _held(page, stored)
    return gaps_verdict(stored.gaps, bad, {})


def _confirming(page: Page) -> Page:
    assert page.cursor is not None
    return replace(page, cursor=replace(page.cursor, confirming=True))


def _held(page: Page, stored: Stored) -> Verdict:
    message = (
        f"the list lacks {stored.missing} {page.kind.value} that the mirror holds; nothing was "
        f"marked. If it is true: testio-sync deletions accept {stored.held}"
    )
    problem = Problem(kind=ErrorKind.HELD, message=message)
    return Verdict(outcome=Outcome.PARTIAL, problem=problem)


class _Features:
    """Reads a product's features by the form of the endpoint that answers for it."""

    def __init__(
        self,
        task: SyncProduct,
        client: RemoteClient,
        directory: ProductDirectory,
        clock: Clock,
    ) -> None:
        self._task = task
        self._client = client
        self._directory = directory
        self._clock = clock
        self._reader = reader_for(task.ticket.request.options, directory, clock)

    @property
    def _scope(self) -> RequestScope:
        return self._task.requests

    def read(self) -> Page:
        """All features, whichever endpoint tells them."""
        now = self._clock.now()
        product_id = self._task.product_id
        sections = self._directory.sections_of(product_id)
        if self._goes_by_section(sections):
            listed = None
        else:
            listed = plain_features(self._read_plainly, sections.ids)
        if listed is not None:
            return self._page(listed, CursorMove(as_of=now))
        # A section that came up after the list of sections was read is not among them.
        as_of = min(now, sections.as_of or now)
        found = features_by_section(self._client, product_id, sections.ids, self._scope)
        records, bad_rows = found
        listed = PageRead(
            asked_at=now,
            ids=tuple(record.id for record in records),
            records=records,
            bad_rows=bad_rows,
        )
        return self._page(listed, CursorMove(as_of=as_of, by_section=bool(records)))

    def _read_plainly(self) -> PageRead[FeatureRecord]:
        product_id = self._task.product_id
        return self._reader.read(
            page_of_features(product_id),
            lambda etag: self._client.list_features(product_id, self._scope, etag=etag),
        )

    def _goes_by_section(self, sections: Sections) -> bool:
        """Remembered from the last listing; the plain form is tried anew now and then."""
        if not sections.ids:
            return False
        cursor = self._directory.cursor(self._task.product_id, Kind.FEATURES)
        options, last = self._task.ticket.request.options, cursor.listed_as_of
        if not cursor.by_section or options.force or last is None:
            return False
        return not is_due(self._task.product_id, last, options.reconcile_seconds, self._clock.now())

    def _page(self, listed: PageRead[FeatureRecord], move: CursorMove) -> Page:
        return _unpaged(self._task, Kind.FEATURES, listed, move)
