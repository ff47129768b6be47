"""Reads the list of one product's tests, window after window, into pages to be stored.

`rules.listing` says which window comes next and when the list has been read; here it is asked for,
by this worker or by one that reads ahead, and what is new of it becomes a page.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from actors.clock import Clock
from actors.jobs.list_windows import note_failure, read_windows, seen_rows, taken_of
from actors.messages import SyncProduct
from actors.ports import MirrorQueries, RemoteClient
from actors.read_ahead import Lookahead
from rules.listing.listing import Listing, Reading
from rules.listing.planning import CursorState, Mode
from rules.listing.windows import Window
from rules.model import Kind, SyncOptions
from rules.records import BadRow, HoleRecord, ListingMark, Page, Stored, TestRecord
from testio.errors import BadPayload, ServerError, Timeout
from testio.payloads import Rows

MAX_WINDOWS = 100_000
MAX_HEAD_WINDOWS = 20
"""Read of a head before something deep; what is below comes with the listing."""


@dataclass(slots=True, kw_only=True)
class TestsReading:
    """One listing of one product's tests, and what was met on the way: `bad` rows and `holes`.

    `listing_id` and `as_of` are those of an interrupted listing where it goes on.
    """

    __test__ = False

    task: SyncProduct
    client: RemoteClient
    queries: MirrorQueries
    clock: Clock
    mode: Mode = Mode.NONE
    listing: Listing = field(default_factory=Listing)
    listing_id: int = 0
    as_of: datetime | None = None
    bad: dict[str, BadRow] = field(default_factory=dict)
    holes: dict[str, HoleRecord] = field(default_factory=dict)
    ahead: Lookahead | None = None

    @property
    def product_id(self) -> int:
        """The product."""
        return self.task.product_id

    @property
    def options(self) -> SyncOptions:
        """Of the run."""
        return self.task.ticket.request.options

    def page(self, **parts: object) -> Page:
        """A page of this product's tests."""
        return Page(product_id=self.product_id, kind=Kind.TESTS, **parts)  # type: ignore[arg-type]

    def begin(self, mode: Mode, cursor: CursorState, holes: tuple[HoleRecord, ...]) -> None:
        """Set the listing up, with its id and its time; `holes` are to be stepped over."""
        self.mode, options, left = mode, self.options, cursor.interrupted
        self.listing_id, self.as_of = self.task.ticket.run_id, self.clock.now()
        self.holes = {hole.fingerprint: hole for hole in holes}
        if self.mode is Mode.RESUMED and left is not None:
            self.listing_id = cursor.resume_listing or self.listing_id
            self.as_of = cursor.interrupted_at
            self.listing = Listing(
                since=options.mirror_since,
                resume=left.point,
                already_read=self._read_before(cursor),
                before=self._joins_with(mode, cursor),
                holes=holes,
            )
        else:
            self.listing = Listing(
                since=options.since or options.mirror_since,
                incremental=self.mode is Mode.INCREMENTAL,
                before=self._joins_with(mode, cursor),
                holes=holes,
            )

    def _read_before(self, cursor: CursorState) -> frozenset[int]:
        """What an interrupted listing has stored."""
        return self.queries.listed_in(self.product_id, cursor.resume_listing or 0)

    def _joins_with(self, mode: Mode, cursor: CursorState) -> datetime | None:
        """The instant of the listing that this one joins up with; none that is still to come."""
        instant = cursor.interrupted_at if mode is Mode.RESUMED else cursor.current_as_of
        return None if instant is None else min(instant, self.clock.now())

    def read_head(
        self, mode: Mode, cursor: CursorState, holes: Collection[HoleRecord]
    ) -> Iterator[Page]:
        """The newest tests, down to those that are there already, before anything deep (rule 5a).

        What fails far down the list then withholds none of them. No listing vouches for these
        rows: the one that follows reads the head as well.
        """
        since = self.options.mirror_since
        before = self._joins_with(mode, cursor)
        head = Listing(since=since, incremental=True, before=before, holes=tuple(holes))
        read = self._read_before(cursor) if mode is Mode.RESUMED else None
        windows = read_windows(
            head,
            lambda window, patient, retry_slow: self.ask(
                window, patient=patient, retry_slow=retry_slow
            ),
            lambda answer: self._known(answer) if read is None else read,
            most=MAX_HEAD_WINDOWS,
        )
        for taken in windows:
            records = tuple(record for record in taken.records if is_wanted(record, since))
            if records:
                yield self.page(records=records)

    def _mark(self) -> ListingMark | None:
        if self.mode is Mode.SINCE:
            return None
        is_full = self.mode is not Mode.INCREMENTAL
        resume = None
        if is_full and self.listing.state is Reading.GOING_ON:
            since = self.options.mirror_since
            resume = self.listing.resume_point.as_text(
                as_of=(self.as_of or self.clock.now()).isoformat(),
                complete_from=None if since is None else since.isoformat(),
            )
        return ListingMark(id=self.listing_id, full=is_full, resume=resume)

    def read(self) -> Generator[Page | None, Stored, Page]:
        """Read window after window; returns the last page, which is not stored yet."""
        for _ in range(MAX_WINDOWS):
            page = self._next_page()
            if self.listing.state is not Reading.GOING_ON:
                yield None  # what is decided now is decided on all that was read before
                return page
            if page.records or page.bad_rows or page.holes:
                yield page
        raise BadPayload(f"the list of tests does not end within {MAX_WINDOWS} pages")

    def _next_page(self) -> Page:
        """Ask for the next window; the page holds what of it is to be stored."""
        window = self.listing.next_window()
        try:
            read = self._answer_to(window)
        except (ServerError, Timeout) as error:
            note_failure(self.listing, window, error)
            self._look_ahead()
            return self._with_holes(self.page(listing=self._mark()))
        known = self._known(read) if self.mode is Mode.INCREMENTAL else ()
        taken = self.listing.take(window, seen_rows(read, known))
        self._look_ahead()
        return self._with_holes(self._stored_part(window, read, taken))

    def _answer_to(self, window: Window) -> Rows[TestRecord]:
        read = None if self.ahead is None else self.ahead.take(window)
        if read is not None:
            return read
        retry_slow = not self.listing.may_be_smaller(window)
        return self.ask(window, patient=not self.holes, retry_slow=retry_slow)

    def _look_ahead(self) -> None:
        """Have the windows read that will follow, while this one is being stored."""
        if self.ahead is not None:
            self.ahead.plan(self.listing.coming(self.ahead.share))

    def read_ahead(self, window: Window) -> Rows[TestRecord]:
        """Ask for a window before its turn; called by helpers, on their threads."""
        return self.ask(window, patient=False, retry_slow=False)

    def ask(self, window: Window, *, patient: bool, retry_slow: bool) -> Rows[TestRecord]:
        """Ask for a window; safe on any thread."""
        return self.client.list_tests(
            self.product_id, window, self.task.requests, patient=patient, retry_slow=retry_slow
        )

    def _known(self, read: Rows[TestRecord]) -> frozenset[int]:
        hashes = {record.id: record.content_hash for record in read.records}
        return self.queries.known_tests(self.product_id, hashes)

    def _stored_part(self, window: Window, read: Rows[TestRecord], taken: tuple[int, ...]) -> Page:
        since = self.options.since or self.options.mirror_since
        part = taken_of(window, read, taken)
        # A record without an id is handed out with every window that holds it.
        bad = [row for row in part.bad_rows if row.fingerprint not in self.bad]
        self.bad |= {row.fingerprint: row for row in bad}
        records = part.records
        if since is not None:
            records = tuple(r for r in records if is_wanted(r, since))
        return self.page(records=records, bad_rows=tuple(bad), listing=self._mark())

    def _with_holes(self, page: Page) -> Page:
        holes = self.listing.take_holes()
        if not holes:
            return page
        fresh = tuple(h.fingerprint for h in holes if h.fingerprint not in self.holes)
        self.holes |= {hole.fingerprint: hole for hole in holes}
        return replace(page, holes=holes, probed_holes=fresh)


def is_wanted(record: TestRecord, since: datetime | None) -> bool:
    """A test without an end is always wanted: it may still get one."""
    return since is None or record.end_at is None or record.end_at >= since
