"""Reads entities from the remote: pages to store, none of which moves a listing's cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from actors.jobs.features import features_by_section, plain_features
from rules.mirror.fetching import Entity, Subject
from rules.mirror.sections import without_sections
from rules.model import PRODUCT_LIST, Kind
from rules.records import CursorMove, ListingMark, Page
from service.read_through.bugs_reader import BugsOfTest, BugsReader, Pace
from service.read_through.fetched import Fetched, KnownRows
from service.read_through.tests_reader import TestsReader
from testio.client import TestioClient
from testio.errors import TestioError
from testio.limits import RequestScope


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteReader:
    """Reads entities within one scope of requests; `pace` is shared by all who work for one call.

    Of a product only tests that end at `mirror_since` or later are mirrored; None means all.
    `refresh_sections` makes the product list, which names the sections, fresh enough, and returns
    as of when it is.
    """

    client: TestioClient
    mirror: KnownRows
    scope: RequestScope
    mirror_since: datetime | None
    refresh_sections: Callable[[], datetime]
    pace: Pace = field(default_factory=Pace)

    def read(self, entities: Sequence[Entity]) -> Iterator[tuple[Entity, Fetched | TestioError]]:
        """Everything that belongs to each of these entities of one subject, or why it failed."""
        if entities[0].subject is Subject.BUGS:
            yield from self._bugs([entity.id for entity in entities])
            return
        reads = {
            Subject.PRODUCTS: self._products,
            Subject.FEATURES: self._features,
            Subject.TESTS: self._tests,
            Subject.TEST: self._test,
        }
        for entity in entities:
            try:
                yield entity, reads[entity.subject](entity.id)
            except TestioError as error:
                yield entity, error

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
        sections = self.mirror.sections(product_id)
        rows = None
        if not (sections and self.mirror.is_by_section(product_id)):
            rows = plain_features(
                lambda: self.client.list_features(product_id, self.scope), sections
            )
        if rows is not None:
            records = rows.records if sections else without_sections(rows.records)
            bad_rows = rows.bad_rows
        else:
            as_of = min(as_of, self.refresh_sections())
            sections = self.mirror.sections(product_id)
            found = features_by_section(self.client, product_id, sections, self.scope)
            records, bad_rows = found
        page = Page(product_id=product_id, kind=Kind.FEATURES, records=records, bad_rows=bad_rows)
        return Fetched(pages=(page,), as_of=as_of)

    def _tests(self, product_id: int) -> Fetched:
        reader = TestsReader(
            client=self.client, mirror=self.mirror, scope=self.scope, since=self.mirror_since
        )
        return reader.read(product_id)

    def _test(self, test_id: int) -> Fetched:
        as_of = _now()
        record = self.client.get_test(test_id, None, self.scope)
        page = Page(product_id=record.product_id, kind=Kind.TESTS, records=(record,))
        return Fetched(pages=(page,), as_of=as_of)

    def _bugs(self, test_ids: Sequence[int]) -> Iterator[tuple[Entity, Fetched | TestioError]]:
        """Bugs come in one complete answer, so a bug that it lacks twice is gone.

        The remote lists no bugs for a test that does not exist, so that is asked first.
        """
        tests: dict[int, tuple[Page, ...]] = {}
        for key in test_ids:
            try:
                tests[key] = () if self.mirror.holds_test(key) else self._test(key).pages
            except TestioError as error:
                yield Entity(Subject.BUGS, key), error
        bugs = BugsReader(self.client, self.scope, self.pace)
        for key, found in bugs.read(list(tests)):
            entity = Entity(Subject.BUGS, key)
            if isinstance(found, TestioError):
                yield entity, found
            else:
                pages = (*tests[key], _page_of_bugs(key, found))
                yield entity, Fetched(pages=pages, as_of=found.as_of)


def _page_of_bugs(test_id: int, found: BugsOfTest) -> Page:
    return Page(
        product_id=test_id,
        kind=Kind.BUGS,
        records=found.rows.records,
        bad_rows=found.rows.bad_rows,
        listing=ListingMark(id=int(found.as_of.timestamp() * 1000), full=False),
        cursor=CursorMove(as_of=found.as_of),
    )


def _now() -> datetime:
    return datetime.now(UTC)
