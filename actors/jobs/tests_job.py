"""How the tests of one product are carried through a run: probing, listing, settling.

First known holes that are due are tried again, with one request each. Then the tests are listed
the way `planning` decides. Such a trial, or a listing that goes on deep in the list, begins
with the head (rule 5a). At the end of a full listing the tests that it lacks are looked for one by
one; only a 404 marks one as gone (rule 8).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from actors.clock import Clock
from actors.jobs.single_fetches import Found, TestsNotRefreshed, look_for
from actors.jobs.tests_reading import TestsReading, is_wanted
from actors.jobs.verdict import Job, ProductVerdict, gaps_verdict
from actors.messages import SyncProduct
from actors.ports import MirrorQueries, RemoteClient
from rules.listing.listing import Listing, Reading
from rules.listing.planning import CursorState, Mode, plan
from rules.listing.splitting import TENS
from rules.listing.windows import LARGEST_WINDOW, window_around
from rules.mirror.deletions import brake
from rules.model import ErrorKind, Kind, Outcome, Problem, SyncOptions
from rules.records import (
    CursorMove,
    HoleRecord,
    ListingEnd,
    Page,
    PendingDeletion,
    Stored,
    TestRecord,
)
from testio.errors import BadPayload, Forbidden, NotFound, ServerError, Timeout
from testio.payloads import Rows

Pages = Generator[Page | None, Stored, None]
Holes = Sequence[tuple[HoleRecord, bool]]
"""Each with whether it is due to be tried again."""

FAILS_STILL = (ServerError, Timeout, BadPayload, NotFound, Forbidden)
"""A window around a hole that cannot be read; what else fails says nothing of the hole."""


def list_tests(
    task: SyncProduct, client: RemoteClient, queries: MirrorQueries, clock: Clock
) -> Job:
    """All pages of one product's tests. Raises TestioError while it is carried out."""
    reading = TestsReading(task=task, client=client, queries=queries, clock=clock)
    job = TestsJob(task=task, client=client, queries=queries, clock=clock, reading=reading)
    if task.ahead is None:
        return (yield from job.pages())
    with closing(task.ahead.open(reading.read_ahead)) as reading.ahead:
        return (yield from job.pages())


@dataclass(slots=True, kw_only=True)
class TestsJob:
    """One product's way; a worker drives `pages` and sends back what each page came to."""

    __test__ = False

    task: SyncProduct
    client: RemoteClient
    queries: MirrorQueries
    clock: Clock
    reading: TestsReading
    mode: Mode = Mode.NONE
    cursor: CursorState = field(default_factory=CursorState)
    stored: Stored = field(default_factory=Stored)

    @property
    def product_id(self) -> int:
        """The product."""
        return self.task.product_id

    @property
    def _options(self) -> SyncOptions:
        return self.task.ticket.request.options

    @property
    def _listing(self) -> Listing:
        return self.reading.listing

    def pages(self) -> Job:
        """Everything, page by page; returns how the product came out."""
        self.cursor = self.queries.cursor(self.product_id, Kind.TESTS)
        holes = self.queries.holes(self.product_id, self.clock.now())
        yield from self._head_first(holes)
        known = yield from self._probe(holes)
        self.mode = plan(self.product_id, self.cursor, self._options, self.clock.now())
        if self.mode is Mode.NONE:
            return ProductVerdict(outcome=Outcome.SKIPPED, problem=NEVER_LISTED)
        self.reading.begin(self.mode, self.cursor, known)
        last = yield from self.reading.read()
        if self._listing.state is Reading.ABANDONED:
            return (yield from self._give_up(last))
        missing: tuple[int, ...] = ()
        if self._listing.state is Reading.COMPLETE and self.mode is not Mode.SINCE:
            missing, pending = self._missing()
            if pending is not None:
                return (yield from self._hold(last, pending))
        verdict = yield from self._end(last, missing)
        if self._options.refresh_mutable:
            yield from self._refresh_mutable()
        return verdict

    # -- holes -------------------------------------------------------------------------------

    def _head_first(self, holes: Holes) -> Pages:
        """Where something deep comes first, the newest tests come before it."""
        mode = plan(self.product_id, self.cursor, self._options, self.clock.now())
        is_due = any(is_due for _, is_due in holes) or (self._options.force and holes)
        if mode is Mode.RESUMED or (is_due and mode is not Mode.SINCE):
            yield from self.reading.read_head(mode, self.cursor, [hole for hole, _ in holes])

    def _probe(self, holes: Holes) -> Generator[Page | None, Stored, tuple[HoleRecord, ...]]:
        """Try holes again that are due; returns those to be stepped over."""
        left = []
        for hole, is_due in holes:
            if not (is_due or self._options.force):
                left.append(hole)
                continue
            others = {other.position - 1 for other, _ in holes if other is not hole}
            page = self._probed(hole, others)
            if page.probed_holes:
                left.append(hole)
            else:
                self.cursor = replace(self.cursor, wants_full=page.wants_full)
            yield page
        yield None
        return tuple(left)

    def _probed(self, hole: HoleRecord, others: Collection[int]) -> Page:
        """One request around a hole: it is still there, or the list has to be read in full."""
        try:
            rows = self._rows_around(hole.position - 1, others)
        except FAILS_STILL:
            return self.reading.page(probed_holes=(hole.fingerprint,))
        found, since = list(rows.ids), self._options.mirror_since
        above = hole.before_id is None or hole.before_id in found
        below = hole.after_id is None or hole.after_id in found
        if above and below:
            return self.reading.page(
                records=tuple(r for r in rows.records if is_wanted(r, since)),
                closed_holes=(hole.fingerprint,),
                wants_full="a hole was closed",
            )
        return self.reading.page(wants_full="a hole is no longer where it was")

    def _rows_around(
        self, position: int, others: Collection[int], largest: int = LARGEST_WINDOW
    ) -> Rows[TestRecord]:
        """Fewer of them where many are too slow."""
        window = window_around(position, largest, without=others)
        try:
            return self.reading.ask(window, patient=False, retry_slow=False)
        except Timeout:
            if largest == TENS:
                raise
            return self._rows_around(position, others, TENS)

    # -- the end -----------------------------------------------------------------------------

    def _give_up(self, last: Page) -> Job:
        yield replace(last, wants_full="the last full listing was given up")
        problem = Problem(kind=ErrorKind.LIST_MOVED, message=self._listing.why_abandoned)
        return ProductVerdict(outcome=Outcome.PARTIAL, problem=problem, warning=self._warning)

    @property
    def _warning(self) -> str | None:
        return None if self._listing.ordered else "the tests do not come newest end first"

    def _missing(self) -> tuple[tuple[int, ...], PendingDeletion | None]:
        """Tests that this listing lacks, and whether the brake holds them back."""
        seen = self._listing.handed_out
        missing, rows = self.queries.missing_tests(
            self.product_id, self.reading.listing_id, seen, self._options.mirror_since
        )
        listed = rows - len(missing) + len(seen)
        why = brake(missing=len(missing), rows=rows, listed=listed)
        if why is None:
            return missing, None
        return missing, PendingDeletion(ids=missing, of_rows=rows, reason=why)

    def _hold(self, last: Page, pending: PendingDeletion) -> Job:
        self.stored = yield replace(last, pending=pending, wants_full="deletions are held back")
        message = (
            f"{pending.reason}; nothing was marked. If it is true: "
            f"testio-sync deletions accept {self.stored.pending_id}"
        )
        problem = Problem(kind=ErrorKind.HELD, message=message)
        return ProductVerdict(outcome=Outcome.PARTIAL, problem=problem, warning=self._warning)

    def _end(self, last: Page, missing: tuple[int, ...]) -> Job:
        """Look for what is missing, then move the cursor with the last page."""
        if self.mode is Mode.SINCE:
            yield last
            bad, holes = self.reading.bad, self.reading.holes
            return gaps_verdict(len(bad) + len(holes), bad, holes)
        if not missing and self._listing.state is Reading.JOINED:
            missing = self.queries.unchecked_tests(self.product_id, self._options.mirror_since)
            missing = tuple(key for key in missing if key not in self._listing.handed_out)
        found = self._look_for(missing)
        self.stored = yield replace(last, cursor=self._move(), gone=found.gone)
        for page in self._single_pages(found):  # noqa: UP028 (the worker sends, a list takes none)
            yield page
        verdict = gaps_verdict(self.stored.gaps, self.reading.bad, self.reading.holes)
        if found.left and verdict.outcome is Outcome.COMPLETE:
            message = f"{found.left} tests that the list lacks could not be looked for yet"
            problem = Problem(kind=ErrorKind.UNCONFIRMED, message=message)
            verdict = ProductVerdict(outcome=Outcome.PARTIAL, problem=problem)
        return replace(verdict, warning=self._warning)

    def _move(self) -> CursorMove:
        assert self.reading.as_of is not None
        is_end = self._listing.state is Reading.COMPLETE
        return CursorMove(
            as_of=self.reading.as_of,
            end=ListingEnd.END if is_end else ListingEnd.JOINED,
            complete_from=self._options.mirror_since,
            in_order=self._listing.ordered,
        )

    def _refresh_mutable(self) -> Pages:
        """Tests that can still change and were not listed; one that is gone waits for a listing."""
        ids = [
            key
            for key in self.queries.open_tests(self.product_id)
            if key not in self._listing.handed_out
        ]
        for start in range(0, len(ids), 25):
            found = self._look_for(ids[start : start + 25])
            wants = f"test {found.gone[0]} was not found any more" if found.gone else None
            if wants is not None:
                yield self.reading.page(wants_full=wants)
            for page in self._single_pages(found):
                yield replace(page, confirmed=())
            if found.left:
                raise TestsNotRefreshed(f"{found.left} tests could not be fetched one by one")

    def _single_pages(self, found: Found) -> list[Page]:
        """A page for each product: a test that left this one's list may stand in another."""
        by_product: dict[int, list[TestRecord]] = {}
        for record in found.records:
            by_product.setdefault(record.product_id, []).append(record)
        return [
            Page(
                product_id=product_id,
                kind=Kind.TESTS,
                records=tuple(records),
                confirmed=tuple(record.id for record in records),
            )
            for product_id, records in by_product.items()
        ]

    def _look_for(self, test_ids: Sequence[int]) -> Found:
        return look_for(self.client, self.product_id, test_ids, self.task.requests)


NEVER_LISTED = Problem(
    kind=ErrorKind.NEVER_LISTED,
    message="never listed in full, and --incremental-only was asked for",
)
