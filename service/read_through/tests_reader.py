"""Reads the tests of one product: the head of their list, and what may have changed below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from actors.jobs.list_windows import Taken, read_windows
from actors.jobs.tests_reading import is_wanted
from rules.listing.listing import Listing, Reading
from rules.model import Kind
from rules.records import Page, TestRecord
from service.read_through.fetched import Fetched, KnownRows
from testio.client import TestioClient
from testio.errors import NotFound
from testio.limits import RequestScope
from testio.payloads import Rows

MOST_WINDOWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsReader:
    """Reads within one scope of requests. Raises TestioError, or StorageError of the mirror.

    `since`: only tests that end then or later are mirrored (TESTIO_SYNC_SINCE).
    """

    __test__ = False

    client: TestioClient
    mirror: KnownRows
    scope: RequestScope
    since: datetime | None

    def read(self, product_id: int) -> Fetched:
        """Down to where the list joins up with the mirror; then, one by one, the open tests below.

        What no listing vouches for is stored, and makes nothing fresh.
        """
        as_of = datetime.now(UTC)
        listing = self._listing(product_id, as_of)
        pages = [self._page(product_id, taken) for taken in self._windows(listing, product_id)]
        if holes := listing.take_holes():
            pages.append(Page(product_id=product_id, kind=Kind.TESTS, holes=holes))
        seen = listing.handed_out
        if listing.state not in (Reading.COMPLETE, Reading.JOINED):
            why = listing.why_abandoned or f"only the newest {len(seen)} tests were read"
            message = f"{why}; `testio-sync sync` reads all that it can"
            return Fetched(pages=tuple(pages), as_of=None, message=message)
        unseen = [key for key in self.mirror.open_tests(product_id) if key not in seen]
        singles, gone = self._single_tests(product_id, unseen)
        message = f"the remote no longer has {_some(gone)}; a full listing decides" if gone else ""
        return Fetched(pages=(*pages, *singles), as_of=as_of, message=message)

    def _listing(self, product_id: int, now: datetime) -> Listing:
        """One that stops where an earlier one confirms the rest, if the order can tell."""
        cursor = self.mirror.cursor(product_id)
        before = cursor.current_as_of
        return Listing(
            since=self.since,
            incremental=cursor.listed_as_of is not None and cursor.in_order,
            before=None if before is None else min(before, now),
            holes=self.mirror.holes(product_id),
        )

    def _windows(self, listing: Listing, product_id: int) -> Iterator[Taken[Rows[TestRecord]]]:
        return read_windows(
            listing,
            lambda window, patient, retry_slow: self.client.list_tests(
                product_id, window, self.scope, patient=patient, retry_slow=retry_slow
            ),
            lambda rows: self.mirror.known_tests(
                product_id, {record.id: record.content_hash for record in rows.records}
            ),
            most=MOST_WINDOWS,
        )

    def _page(self, product_id: int, taken: Taken[Rows[TestRecord]]) -> Page:
        records = tuple(record for record in taken.records if is_wanted(record, self.since))
        return Page(
            product_id=product_id, kind=Kind.TESTS, records=records, bad_rows=taken.bad_rows
        )

    def _single_tests(
        self, product_id: int, test_ids: Sequence[int]
    ) -> tuple[list[Page], list[int]]:
        """A page for each test that is there, and the ids of those that are not."""
        pages: list[Page] = []
        gone: list[int] = []
        for test_id in test_ids:
            try:
                record = self.client.get_test(test_id, product_id, self.scope)
            except NotFound:
                gone.append(test_id)
            else:
                pages.append(Page(product_id=record.product_id, kind=Kind.TESTS, records=(record,)))
        return pages, gone


def _some(test_ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, test_ids[:5]))
    more = f" and {len(test_ids) - 5} more" if len(test_ids) > 5 else ""
    return f"test{'s' if len(test_ids) > 1 else ''} {shown}{more}"
