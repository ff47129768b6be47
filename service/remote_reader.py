"""Reads one entity from the remote: pages to store, none of which moves a listing's cursor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from rules.fetching import Entity, Standing, Subject
from rules.model import PRODUCT_LIST, Kind
from rules.records import BadRow, BugRecord, CursorMove, FeatureRecord, ListingMark, Page
from rules.sections import merge
from rules.windows import LARGEST_WINDOW, Window
from testio.client import TestioClient
from testio.errors import BadPayload, NotFound, ServerError
from testio.limits import RequestScope
from testio.payloads import Rows

MOST_WINDOWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What the remote answered. `as_of` None: not all was read, so the entity is not fresh."""

    pages: tuple[Page, ...]
    as_of: datetime | None
    message: str = ""


class Mirror(Protocol):
    """What a reader has to know of the mirror. Every method may raise StorageError."""

    def standing(self, entity: Entity) -> Standing: ...

    def sections(self, product_id: int) -> tuple[int, ...]: ...

    def holds_test(self, test_id: int) -> bool: ...

    def known_contents(self, product_id: int, test_ids: Sequence[int]) -> Mapping[int, str]: ...

    def open_tests(self, product_id: int) -> tuple[int, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReader:
    """Reads entities within one scope of requests. Every method raises TestioError.

    `refresh_sections` makes the product list, which names the sections, fresh enough, and returns
    as of when it is.
    """

    client: TestioClient
    mirror: Mirror
    scope: RequestScope
    refresh_sections: Callable[[], datetime]

    def read(self, entity: Entity) -> Fetched:
        """Everything that belongs to an entity."""
        reads = {
            Subject.PRODUCTS: self._products,
            Subject.FEATURES: self._features,
            Subject.TESTS: self._tests,
            Subject.TEST: self._test,
            Subject.BUGS: self._bugs,
        }
        return reads[entity.subject](entity.id)

    def _products(self, _id: int) -> Fetched:
        as_of = _now()
        rows = self.client.list_products(self.scope)
        page = Page(
            product_id=PRODUCT_LIST,
            kind=Kind.PRODUCTS,
            records=rows.records,
            bad_rows=rows.bad_rows,
        )
        return Fetched(pages=(page,), as_of=as_of)

    def _features(self, product_id: int) -> Fetched:
        as_of = _now()
        rows = self._plain_features(product_id)
        if rows is not None:
            records, bad_rows = rows.records, rows.bad_rows
        else:
            as_of = min(as_of, self.refresh_sections())
            records, bad_rows = self._features_by_section(product_id)
        page = Page(product_id=product_id, kind=Kind.FEATURES, records=records, bad_rows=bad_rows)
        return Fetched(pages=(page,), as_of=as_of)

    def _plain_features(self, product_id: int) -> Rows[FeatureRecord] | None:
        """By the plain endpoint; None where that does not answer for a product with sections."""
        if not self.mirror.sections(product_id):
            return self.client.list_features(product_id, self.scope)
        try:
            rows = self.client.list_features(product_id, self.scope)
        except (NotFound, ServerError, BadPayload):
            return None  # older deployments answer so; if it is real, the sections fail as well
        return rows if rows.ids else None

    def _features_by_section(
        self, product_id: int
    ) -> tuple[tuple[FeatureRecord, ...], tuple[BadRow, ...]]:
        listed: list[tuple[int, FeatureRecord]] = []
        bad_rows: list[BadRow] = []
        for section_id in self.mirror.sections(product_id):
            rows = self.client.list_section_features(product_id, section_id, self.scope)
            listed += [(section_id, record) for record in rows.records]
            bad_rows += rows.bad_rows
        return merge(listed), tuple(bad_rows)

    def _tests(self, product_id: int) -> Fetched:
        """From the head until a window brings no news; then, one by one, what may have changed."""
        as_of = _now()
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
            known = self.mirror.known_contents(product_id, [r.id for r in rows.records])
            pages.append(
                Page(
                    product_id=product_id,
                    kind=Kind.TESTS,
                    records=rows.records,
                    bad_rows=rows.bad_rows,
                )
            )
            seen |= {record.id for record in rows.records}
            is_known = all(known.get(r.id) == r.content_hash for r in rows.records)
            if stop_early and rows.records and is_known:
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

    def _test(self, test_id: int) -> Fetched:
        as_of = _now()
        record = self.client.get_test(test_id, None, self.scope)
        page = Page(product_id=record.product_id, kind=Kind.TESTS, records=(record,))
        return Fetched(pages=(page,), as_of=as_of)

    def _bugs(self, test_id: int) -> Fetched:
        """Bugs come in one complete answer, so a bug that it lacks twice is gone.

        The remote lists no bugs for a test that does not exist, so that is asked first.
        """
        pages = () if self.mirror.holds_test(test_id) else self._test(test_id).pages
        as_of = _now()
        rows: Rows[BugRecord] = self.client.list_bugs(test_id, self.scope)
        mark = ListingMark(id=int(as_of.timestamp() * 1000), full=False)
        page = Page(
            product_id=test_id,
            kind=Kind.BUGS,
            records=rows.records,
            bad_rows=rows.bad_rows,
            listing=mark,
            cursor=CursorMove(as_of=as_of),
        )
        return Fetched(pages=(*pages, page), as_of=as_of)


def _now() -> datetime:
    return datetime.now(UTC)


def _some(test_ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, test_ids[:5]))
    more = f" and {len(test_ids) - 5} more" if len(test_ids) > 5 else ""
    return f"test{'s' if len(test_ids) > 1 else ''} {shown}{more}"
