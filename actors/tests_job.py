"""How the tests of one product are carried through a run: probing, listing, settling.

First known holes that are due are tried again, with one request each. Then the tests are listed
the way `rules.planning` decides. At the end of a full listing the tests that it lacks are looked
for one by one; only a 404 marks one as gone (rule 8).
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime

from actors.clock import Clock
from actors.messages import SyncProduct
from actors.page_reader import PageRead, PageReader, reader_for
from actors.parts import ProductDirectory, RemoteClient
from actors.read_ahead import Lookahead
from actors.single_fetches import Found, TestsNotRefreshed, look_for
from actors.verdict import Job, Verdict, gaps_verdict
from rules.deletions import brake
from rules.listing import Listing, Reading
from rules.model import ErrorKind, Kind, Outcome, Problem, SyncOptions
from rules.page_tags import HeldRow
from rules.places import page_of_tests
from rules.planning import CursorState, Mode, plan
from rules.records import (
    BadRow,
    CursorMove,
    HeldSet,
    HoleRecord,
    ListingEnd,
    ListingMark,
    Page,
    Stored,
    TestRecord,
)
from rules.stops import Seen
from rules.windows import Window, window_around
from testio.errors import BadPayload, ServerError

MAX_WINDOWS = 100_000
MOST_WAITING = 500
"""Unchanged rows of an incremental listing that wait for its last page, before one of their own."""

Pages = Generator[Page | None, Stored, None]


def list_tests(
    task: SyncProduct, client: RemoteClient, directory: ProductDirectory, clock: Clock
) -> Job:
    """All pages of one product's tests. Raises TestioError while it is carried out."""
    job = TestsJob(task=task, client=client, directory=directory, clock=clock)
    if task.ahead is None:
        return (yield from job.pages())
    with closing(task.ahead.open(job.read_ahead)) as job.ahead:
        return (yield from job.pages())


@dataclass(slots=True, kw_only=True)
class TestsJob:
    """One product's way; a worker drives `pages` and sends back what each page came to."""

    __test__ = False

    task: SyncProduct
    client: RemoteClient
    directory: ProductDirectory
    clock: Clock
    mode: Mode = Mode.NONE
    cursor: CursorState = field(default_factory=CursorState)
    listing: Listing = field(default_factory=Listing)
    listing_id: int = 0
    as_of: datetime | None = None
    stored: Stored = field(default_factory=Stored)
    bad: dict[str, BadRow] = field(default_factory=dict)
    holes: dict[str, HoleRecord] = field(default_factory=dict)
    waiting: Page | None = None
    reader: PageReader = field(init=False)
    ahead: Lookahead | None = None

    @property
    def product_id(self) -> int:
        """The product."""
        return self.task.product_id

    @property
    def _options(self) -> SyncOptions:
        return self.task.ticket.request.options

    def pages(self) -> Job:
        """Everything, page by page; returns how the product came out."""
        self.cursor = self.directory.cursor(self.product_id, Kind.TESTS)
        self.reader = reader_for(
            self._options, self.directory, self.clock, asks=self.cursor.has_tags
        )
        known = yield from self._probe()
        self.mode = plan(self.product_id, self.cursor, self._options, self.clock.now())
        if self.mode is Mode.NONE:
            return Verdict(outcome=Outcome.SKIPPED, problem=NEVER_LISTED)
        self._begin(known)
        last = yield from self._read()
        if self.listing.state is Reading.ABANDONED:
            return (yield from self._give_up(last))
        missing: tuple[int, ...] = ()
        if self.listing.state is Reading.COMPLETE and self.mode is not Mode.SINCE:
            missing, held = self._missing()
            if held is not None:
                return (yield from self._hold(last, held))
        verdict = yield from self._end(last, missing)
        if self._options.refresh_mutable:
            yield from self._refresh_mutable()
        return verdict

    def _page(self, **parts: object) -> Page:
        return Page(product_id=self.product_id, kind=Kind.TESTS, **parts)  # type: ignore[arg-type]

    # -- holes -------------------------------------------------------------------------------

    def _probe(self) -> Generator[Page | None, Stored, tuple[HoleRecord, ...]]:
        """Try holes again that are due; returns those to be stepped over."""
        holes = self.directory.holes(self.product_id, self.clock.now())
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
        window = window_around(hole.position - 1, without=others)
        try:
            rows = self._read_window(window, patient=False, plainly=True)
        except ServerError:
            return self._page(probed_holes=(hole.fingerprint,))
        found, since = list(rows.ids), self._options.mirror_since
        above = hole.before_id is None or hole.before_id in found
        below = hole.after_id is None or hole.after_id in found
        if above and below:
            return self._page(
                records=tuple(r for r in rows.records if is_wanted(r, since)),
                closed_holes=(hole.fingerprint,),
                wants_full="a hole was closed",
            )
        return self._page(wants_full="a hole is no longer where it was")

    # -- reading -----------------------------------------------------------------------------

    def _begin(self, holes: tuple[HoleRecord, ...]) -> None:
        """Set the listing up, with its id and its time."""
        options, left = self._options, self.cursor.interrupted
        self.listing_id, self.as_of = self.task.ticket.run_id, self.clock.now()
        self.holes = {hole.fingerprint: hole for hole in holes}
        if self.mode is Mode.RESUMED and left is not None:
            self.listing_id = self.cursor.resume_listing or self.listing_id
            self.as_of = self.cursor.interrupted_at
            self.listing = Listing(
                since=options.mirror_since,
                resume=left.point,
                already_read=self.directory.listed_in(self.product_id, self.listing_id),
                holes=holes,
            )
        else:
            self.listing = Listing(
                since=options.since or options.mirror_since,
                incremental=self.mode is Mode.INCREMENTAL,
                holes=holes,
            )

    def _mark(self) -> ListingMark | None:
        if self.mode is Mode.SINCE:
            return None
        is_full = self.mode is not Mode.INCREMENTAL
        resume = None
        if is_full and self.listing.state is Reading.GOING_ON:
            since = self._options.mirror_since
            resume = self.listing.resume_point.as_text(
                as_of=(self.as_of or self.clock.now()).isoformat(),
                complete_from=None if since is None else since.isoformat(),
            )
        return ListingMark(id=self.listing_id, full=is_full, resume=resume)

    def _read(self) -> Generator[Page | None, Stored, Page]:
        """Read window after window; returns the last page, which is not stored yet."""
        for _ in range(MAX_WINDOWS):
            page = self._next_page()
            if self.listing.state is not Reading.GOING_ON:
                yield None  # what is decided now is decided on all that was read before
                return page if self.waiting is None else _with_waiting(page, self.waiting)
            if self._may_wait(page):
                self.waiting = page if self.waiting is None else _with_waiting(page, self.waiting)
                page = self._overdue()
            if page.records or page.bad_rows or page.holes or page.unchanged:
                yield page
        raise BadPayload(f"the list of tests does not end within {MAX_WINDOWS} pages")

    def _may_wait(self, page: Page) -> bool:
        """Whether all of a page can be written with the listing's last one."""
        is_news = page.records or page.bad_rows or page.holes or page.probed_holes
        return self.mode is Mode.INCREMENTAL and bool(page.unchanged) and not is_news

    def _overdue(self) -> Page:
        """What waits, if it has become too much; else an empty page."""
        waiting = self.waiting
        if waiting is None or len(waiting.unchanged) < MOST_WAITING:
            return self._page()
        self.waiting = None
        return waiting

    def _next_page(self) -> Page:
        """Ask for the next window; the page holds what of it is to be stored."""
        window = self.listing.next_window()
        try:
            read = self._answer_to(window)
        except ServerError:
            self.listing.failed(window)
            self._look_ahead()
            if self.listing.state is Reading.REFUSED:
                raise
            return self._with_holes(self._page(listing=self._mark()))
        taken = self.listing.take(window, self._seen(read))
        self._look_ahead()
        return self._with_holes(self._stored_part(window, read, taken))

    def _answer_to(self, window: Window) -> PageRead[TestRecord]:
        read = None if self.ahead is None else self.ahead.take(window)
        if read is not None:
            return read
        plainly = bool(self.holes) or not self.listing.is_reading_on
        return self._read_window(window, patient=not self.holes, plainly=plainly)

    def _look_ahead(self) -> None:
        """Have the windows read that will follow, while this one is being stored."""
        if self.ahead is not None:
            self.ahead.plan(self.listing.coming(self.ahead.share))

    def read_ahead(self, window: Window) -> PageRead[TestRecord]:
        """Ask for a window before its turn; called by helpers, on their threads."""
        return self._read_window(window, patient=False, plainly=False)

    def _read_window(self, window: Window, *, patient: bool, plainly: bool) -> PageRead[TestRecord]:
        """Ask for a window; safe on any thread. `plainly`: whatever is known of it."""
        product_id, scope = self.product_id, self.task.requests
        return self.reader.read(
            None if plainly else page_of_tests(product_id, window),
            lambda etag: self.client.list_tests(
                product_id, window, scope, patient=patient, etag=etag
            ),
        )

    def _seen(self, read: PageRead[TestRecord]) -> list[Seen]:
        if read.unchanged:
            return [Seen(row.id, row.end_at, row.known) for row in read.unchanged]
        known, ends = self._known(read), {record.id: record.end_at for record in read.records}
        return [Seen(key, ends.get(key) if key else None, key in known) for key in read.ids]

    def _known(self, read: PageRead[TestRecord]) -> frozenset[int]:
        if self.mode is not Mode.INCREMENTAL:
            return frozenset()
        hashes = {record.id: record.content_hash for record in read.records}
        return self.directory.known_tests(self.product_id, hashes)

    def _stored_part(
        self, window: Window, read: PageRead[TestRecord], taken: tuple[int, ...]
    ) -> Page:
        since = self._options.since or self._options.mirror_since
        fresh = {read.ids[index] for index in taken}
        bad: list[BadRow] = []
        if read.bad_rows:
            positions = {window.offset + index + 1 for index in taken}
            # A record without an id is handed out with every window that holds it.
            bad = [
                row
                for row in read.bad_rows
                if row.position in positions and row.fingerprint not in self.bad
            ]
        self.bad |= {row.fingerprint: row for row in bad}
        records = tuple(r for r in read.records if r.id in fresh)
        unchanged = tuple(r for r in read.unchanged if r.id in fresh)
        if since is not None:
            records = tuple(r for r in records if is_wanted(r, since))
            unchanged = tuple(r for r in unchanged if is_wanted(r, since))
        return self._page(
            records=records,
            bad_rows=tuple(bad),
            unchanged=unchanged,
            unchanged_as_of=read.asked_at,
            unchanged_urls=read.unchanged_urls,
            tags=read.tags,
            listing=self._mark(),
        )

    def _with_holes(self, page: Page) -> Page:
        holes = self.listing.take_holes()
        if not holes:
            return page
        fresh = tuple(h.fingerprint for h in holes if h.fingerprint not in self.holes)
        self.holes |= {hole.fingerprint: hole for hole in holes}
        return replace(page, holes=holes, probed_holes=fresh)

    # -- the end -----------------------------------------------------------------------------

    def _give_up(self, last: Page) -> Job:
        yield replace(last, wants_full="the last full listing was given up")
        problem = Problem(kind=ErrorKind.LIST_MOVED, message=self.listing.why_abandoned)
        return Verdict(outcome=Outcome.PARTIAL, problem=problem, warning=self._warning)

    @property
    def _warning(self) -> str | None:
        return None if self.listing.ordered else "the tests do not come newest end first"

    def _missing(self) -> tuple[tuple[int, ...], HeldSet | None]:
        """Tests that this listing lacks, and whether the brake holds them back."""
        seen = self.listing.handed_out
        missing, rows = self.directory.missing_tests(
            self.product_id, self.listing_id, seen, self._options.mirror_since
        )
        listed = rows - len(missing) + len(seen)
        why = brake(missing=len(missing), rows=rows, listed=listed)
        if why is None:
            return missing, None
        return missing, HeldSet(ids=missing, of_rows=rows, reason=why)

    def _hold(self, last: Page, held: HeldSet) -> Job:
        self.stored = yield replace(last, held=held, wants_full="deletions are held back")
        message = (
            f"{held.reason}; nothing was marked. If it is true: "
            f"testio-sync deletions accept {self.stored.held}"
        )
        problem = Problem(kind=ErrorKind.HELD, message=message)
        return Verdict(outcome=Outcome.PARTIAL, problem=problem, warning=self._warning)

    def _end(self, last: Page, missing: tuple[int, ...]) -> Job:
        """Look for what is missing, then move the cursor with the last page."""
        if self.mode is Mode.SINCE:
            yield last
            return gaps_verdict(len(self.bad) + len(self.holes), self.bad, self.holes)
        if not missing and self.listing.state is Reading.JOINED:
            missing = self.directory.unchecked_tests(self.product_id, self._options.mirror_since)
            missing = tuple(key for key in missing if key not in self.listing.handed_out)
        found = self._look_for(missing)
        self.stored = yield replace(last, cursor=self._move(), gone=found.gone)
        for page in self._single_pages(found):  # noqa: UP028 (the worker sends, a list takes none)
            yield page
        verdict = gaps_verdict(self.stored.gaps, self.bad, self.holes)
        if found.left and verdict.outcome is Outcome.COMPLETE:
            message = f"{found.left} tests that the list lacks could not be looked for yet"
            problem = Problem(kind=ErrorKind.UNCONFIRMED, message=message)
            verdict = Verdict(outcome=Outcome.PARTIAL, problem=problem)
        return replace(verdict, warning=self._warning)

    def _move(self) -> CursorMove:
        assert self.as_of is not None
        is_end = self.listing.state is Reading.COMPLETE
        return CursorMove(
            as_of=self.as_of,
            end=ListingEnd.END if is_end else ListingEnd.JOINED,
            complete_from=self._options.mirror_since,
            in_order=self.listing.ordered,
        )

    def _refresh_mutable(self) -> Pages:
        """Tests that can still change and were not listed; one that is gone waits for a listing."""
        ids = [
            key
            for key in self.directory.open_tests(self.product_id)
            if key not in self.listing.handed_out
        ]
        for start in range(0, len(ids), 25):
            found = self._look_for(ids[start : start + 25])
            wants = f"test {found.gone[0]} was not found any more" if found.gone else None
            if wants is not None:
                yield self._page(wants_full=wants)
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


def _with_waiting(page: Page, waiting: Page) -> Page:
    """The same page, with what an incremental listing has not written so far."""
    return replace(
        page,
        unchanged=(*waiting.unchanged, *page.unchanged),
        unchanged_as_of=waiting.unchanged_as_of,
        unchanged_urls=(*waiting.unchanged_urls, *page.unchanged_urls),
    )


def is_wanted(record: TestRecord | HeldRow, since: datetime | None) -> bool:
    """A test without an end is always wanted: it may still get one."""
    return since is None or record.end_at is None or record.end_at >= since


NEVER_LISTED = Problem(
    kind=ErrorKind.NEVER_LISTED,
    message="never listed in full, and --incremental-only was asked for",
)
