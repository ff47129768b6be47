"""Reads the tests of one product: the head of their list, and what may have changed below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from actors.tests_reading import is_wanted
from rules.fetching import Entity, Subject
from rules.model import Kind
from rules.records import Page
from rules.windows import LARGEST_WINDOW, Window
from service.fetched import Fetched, KnownRows
from testio.client import TestioClient
from testio.errors import NotFound
from testio.limits import RequestScope

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
        """From the head until a window brings no news; then, one by one, the open tests below."""
        as_of = datetime.now(UTC)
        listed_once = self.mirror.standing(Entity(Subject.TESTS, product_id)).as_of is not None
        pages, seen, reached = self._newest_tests(product_id, stop_early=listed_once)
        unseen = [key for key in self.mirror.open_tests(product_id) if key not in seen]
        singles, gone = self._single_tests(product_id, unseen)
        if not reached:
            message = f"only the newest {len(seen)} tests were read; `testio-sync sync` reads all"
            return Fetched(pages=(*pages, *singles), as_of=None, message=message)
        message = f"the remote no longer has {_some(gone)}; a full listing decides" if gone else ""
        return Fetched(pages=(*pages, *singles), as_of=as_of, message=message)

    def _newest_tests(
        self, product_id: int, *, stop_early: bool
    ) -> tuple[list[Page], set[int], bool]:
        """Pages from the head, the ids on them, and whether they reach what is known or the end."""
        pages: list[Page] = []
        seen: set[int] = set()
        for number in range(1, MOST_WINDOWS + 1):
            window = Window(page=number, per_page=LARGEST_WINDOW)
            rows = self.client.list_tests(product_id, window, self.scope)
            if not rows.ids:
                return pages, seen, True
            wanted = tuple(record for record in rows.records if is_wanted(record, self.since))
            known = self.mirror.known_contents(product_id, [record.id for record in wanted])
            pages.append(
                Page(
                    product_id=product_id,
                    kind=Kind.TESTS,
                    records=wanted,
                    bad_rows=rows.bad_rows,
                )
            )
            seen |= {record.id for record in rows.records}
            is_known = all(known.get(r.id) == r.content_hash for r in wanted)
            if rows.records and (not wanted or (stop_early and is_known)):
                return pages, seen, True
        return pages, seen, False

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
