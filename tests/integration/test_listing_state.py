"""Which rows a listing may rely on: only those that a finished listing has confirmed (rule 6)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rules.model import Kind
from rules.records import CursorMove, ListingEnd, ListingMark, Page, TestRecord
from storage.engine.database import Database
from storage.engine.readonly import open_readonly
from storage.writes import listing_state
from storage.writes.mirror_rows import MirrorRows
from tests.fakes import START, a_test

END = CursorMove(as_of=START)
JOINED = CursorMove(as_of=START + timedelta(hours=1), end=ListingEnd.JOINED)


def page(*ids: int, listing: ListingMark | None, cursor: CursorMove | None = None) -> Page:
    records: tuple[TestRecord, ...] = tuple(a_test(key, 1) for key in ids)
    return Page(product_id=1, kind=Kind.TESTS, records=records, listing=listing, cursor=cursor)


def full(run: int, resume: str | None = None) -> ListingMark:
    return ListingMark(id=run, full=True, resume=resume)


def incremental(run: int) -> ListingMark:
    return ListingMark(id=run, full=False)


@pytest.fixture
def mirror(database: Database) -> MirrorRows:
    return MirrorRows(database)


def known(database: Database, *ids: int, title: str = "a test") -> set[int]:
    hashes = {key: a_test(key, 1, title).content_hash for key in ids}
    with open_readonly(database.path) as connection:
        return set(listing_state.known_tests(connection, 1, hashes))


def test_rows_are_known_when_their_listing_has_finished(
    mirror: MirrorRows, database: Database
) -> None:
    mirror.store_page(page(1, 2, listing=full(7)), run_id=7, at=START)
    assert known(database, 1, 2) == set(), "the listing may have been killed here"
    mirror.store_page(page(3, listing=full(7), cursor=END), run_id=7, at=START)
    assert known(database, 1, 2, 3, 4) == {1, 2, 3}
    assert known(database, 1, title="another") == set(), "changed rows are not known"


def test_rows_of_an_unfinished_incremental_listing_are_never_known(
    mirror: MirrorRows, database: Database
) -> None:
    mirror.store_page(page(1, 2, listing=full(7), cursor=END), run_id=7, at=START)
    mirror.store_page(page(8, 9, listing=incremental(8)), run_id=8, at=START)
    assert known(database, 1, 2, 8, 9) == {1, 2}
    mirror.store_page(page(9, listing=incremental(9), cursor=JOINED), run_id=9, at=START)
    assert known(database, 1, 2, 8, 9) == {1, 2, 9}, "8 was read by a listing that was killed"


def test_a_new_full_listing_forgets_what_an_abandoned_one_read(
    mirror: MirrorRows, database: Database
) -> None:
    mirror.store_page(page(1, 2, listing=full(7, "{}")), run_id=7, at=START)
    mirror.store_page(page(2, listing=full(8), cursor=END), run_id=8, at=START)
    assert known(database, 1, 2) == {2}


def test_rows_that_no_listing_vouches_for_are_not_known(
    mirror: MirrorRows, database: Database
) -> None:
    mirror.store_page(page(1, listing=full(7), cursor=END), run_id=7, at=START)
    mirror.store_page(page(1, 2, listing=None), run_id=8, at=START)
    assert known(database, 1, 2) == {1}
    changed = Page(product_id=1, kind=Kind.TESTS, records=(a_test(1, 1, "new title"),))
    mirror.store_page(changed, run_id=9, at=START)
    assert known(database, 1, title="new title") == set()
