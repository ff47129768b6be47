"""ETags on disk: with their page in one transaction, and useless once a row is another one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rules.model import Kind
from rules.page_tags import HeldPage, HeldRow, tag_for
from rules.places import PagePlace, page_of_tests
from rules.records import BadRow, CursorMove, HoleRecord, ListingEnd, ListingMark, Page, TestRecord
from rules.windows import Window
from service.store import MirrorDirectory
from storage.account_rows import AccountRows
from storage.database import Database
from storage.errors import StorageError
from storage.fresh_start import FreshStart
from storage.migrate import migrate
from storage.mirror_rows import MirrorRows
from tests.fakes import START, a_test, product
from tests.old_mirrors import make_old

LATER = START + timedelta(hours=1)
SOON = START + timedelta(minutes=30)
FULL = ListingMark(id=1, full=True)


def place(page: int = 1) -> PagePlace:
    return page_of_tests(7, Window(page=page, per_page=30))


def told(*records: TestRecord, page: int = 1, **parts: Any) -> Page:
    """A page as it is stored when the remote tells it in full, with an ETag."""
    tag = tag_for(
        place(page),
        f'"{page}"',
        ids=[record.id for record in records],
        contents=[(record.id, record.content_hash) for record in records],
        mapping=1,
    )
    assert tag is not None
    return Page(
        product_id=7,
        kind=Kind.TESTS,
        records=records,
        tags=(tag,),
        **{"listing": FULL, **parts},
    )


def unchanged(held: HeldPage, **parts: Any) -> Page:
    """The same page, which the remote calls unchanged."""
    return Page(
        product_id=7,
        kind=Kind.TESTS,
        unchanged=held.rows,
        unchanged_as_of=SOON,
        unchanged_urls=(held.tag.place.url,),
        **{"listing": ListingMark(id=2, full=True), **parts},
    )


class Mirror:
    """The real storage, with what a job asks of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.rows = MirrorRows(database)
        self.directory = MirrorDirectory(database.path)

    def store(self, page: Page, *, run_id: int = 1, at: datetime = START) -> Any:
        return self.rows.store_page(page, run_id=run_id, at=at)

    def held(self, page: int = 1, mapping: int = 1) -> HeldPage | None:
        return self.directory.held_page(place(page), mapping)

    def sql(self, query: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.database.path)) as connection:
            return connection.execute(query, values).fetchall()

    def write(self, statement: str, *values: object) -> None:
        with self.database.transaction() as connection:
            connection.execute(statement, values)


@pytest.fixture
def mirror(database: Database) -> Iterator[Mirror]:
    made = Mirror(database)
    yield made
    made.directory.close()


ONE, TWO, THREE = (a_test(key, 7) for key in (1, 2, 3))


def test_a_page_is_held_with_its_rows_in_their_order(mirror: Mirror) -> None:
    assert mirror.held() is None
    mirror.store(told(TWO, ONE))
    held = mirror.held()
    assert held is not None
    assert [(row.id, row.content_hash, row.end_at) for row in held.rows] == [
        (2, TWO.content_hash, TWO.end_at),
        (1, ONE.content_hash, ONE.end_at),
    ]
    assert not any(row.known for row in held.rows), "its listing may have been killed here"
    mirror.store(told(TWO, ONE, cursor=CursorMove(as_of=START)))
    held = mirror.held()
    assert held is not None
    assert all(row.known for row in held.rows)
    assert mirror.directory.cursor(7, Kind.TESTS).has_tags


def test_a_tag_is_stored_with_its_rows_or_not_at_all(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: object, **_kwargs: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr("storage.mirror_rows.note_pages", fails)
    with pytest.raises(StorageError):
        mirror.store(told(ONE))
    assert mirror.sql("SELECT count(*) FROM tests") == [(0,)]
    monkeypatch.undo()
    monkeypatch.setattr("storage.mirror_rows.move_cursor", fails)
    with pytest.raises(StorageError):
        mirror.store(told(ONE, cursor=CursorMove(as_of=START)))
    assert mirror.sql("SELECT count(*) FROM page_etags") == [(0,)]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE tests SET content_hash = 'x' WHERE id = 1", "a row changed behind it"),
        ("UPDATE tests SET deleted_at = '2026' WHERE id = 2", "a row was deleted"),
        ("UPDATE tests SET product_id = 8 WHERE id = 2", "a row moved to another product"),
        ("DELETE FROM tests WHERE id = 1", "a row is not there"),
        ("UPDATE page_etags SET mapping = 2", "another mapping made the rows"),
    ],
)
def test_whatever_touches_a_row_makes_the_tag_useless(
    mirror: Mirror, statement: str, why: str
) -> None:
    mirror.store(told(ONE, TWO))
    assert mirror.held() is not None
    mirror.write(statement)
    assert mirror.held() is None, why


def test_a_single_fetch_that_brings_another_content_makes_the_tag_useless(mirror: Mirror) -> None:
    mirror.store(told(ONE, TWO))
    single = replace(told(a_test(1, 7, "another")), listing=None, tags=())
    mirror.store(single)
    assert mirror.held() is None
    mirror.store(replace(single, records=(ONE,)))
    assert mirror.held() is not None, "what the page said is what the mirror holds again"


@pytest.mark.parametrize(
    "unclean",
    [
        {"bad_rows": (BadRow(position=9, record_id=9, reason="r", excerpt="", fingerprint="f"),)},
        {"holes": (HoleRecord(position=3, before_id=2),)},
    ],
)
def test_while_records_cannot_be_read_no_tag_is_kept_or_used(
    mirror: Mirror, unclean: dict[str, Any]
) -> None:
    mirror.store(told(ONE))
    mirror.store(told(TWO, page=2, **unclean))
    mirror.store(told(THREE, page=3))
    assert mirror.sql("SELECT url FROM page_etags") == [(place(1).url,)]
    assert mirror.held(1) is None
    mirror.write("UPDATE quarantine SET resolved_at = '2026'")
    assert mirror.held(1) is not None


def test_unchanged_rows_are_confirmed_and_not_rewritten(mirror: Mirror) -> None:
    mirror.store(told(ONE, TWO))
    held = mirror.held()
    assert held is not None
    before = mirror.sql("SELECT id, changed_at, data, first_seen_at FROM tests")
    stored = mirror.store(unchanged(held), run_id=2, at=LATER)
    assert (stored.counts.unchanged, stored.counts.seen) == (2, 2)
    assert mirror.sql("SELECT id, changed_at, data, first_seen_at FROM tests") == before
    synced = SOON.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert mirror.sql("SELECT DISTINCT synced_at, listed_in FROM tests") == [(synced, 2)], (
        "as of the moment of asking, however late that is stored"
    )


def of_product(page: Page, product_id: int) -> Page:
    """The same page, of another product."""
    records = tuple(a_test(record.id + 100, product_id) for record in page.records)
    moved = page_of_tests(product_id, Window(page=1, per_page=30))
    contents = [(record.id, record.content_hash) for record in records]
    ids = [record.id for record in records]
    tag = tag_for(moved, '"b"', ids=ids, contents=contents, mapping=1)
    assert tag is not None
    return replace(page, product_id=product_id, records=records, tags=(tag,))


def test_pages_of_several_products_that_are_stored_together(mirror: Mirror) -> None:
    pages = [told(ONE), of_product(told(TWO), 8)]
    assert mirror.rows.store_pages(pages, at=START) is not None
    both = [
        mirror.directory.held_page(page_of_tests(key, Window(page=1, per_page=30)), 1)
        for key in (7, 8)
    ]
    again = [
        replace(unchanged(held, listing=FULL), product_id=held.tag.place.product_id)
        for held in both
        if held
    ]
    stored = mirror.rows.store_pages(again, at=LATER)
    assert stored is not None
    assert [each.counts.unchanged for each in stored] == [1, 1]
    assert mirror.sql("SELECT count(*) FROM tests WHERE synced_at > changed_at") == [(2,)]
    mirror.write("UPDATE tests SET content_hash = 'x' WHERE id = 1")
    stored = mirror.rows.store_pages(again, at=LATER)
    assert stored is not None
    assert [each.counts.unchanged for each in stored] == [0, 1]
    mirror.write("UPDATE tests SET deleted_at = '2026' WHERE id = 1")
    assert mirror.rows.store_pages(again, at=LATER) is None, "so that only its product fails"


def test_a_row_that_was_rewritten_meanwhile_is_not_confirmed(mirror: Mirror) -> None:
    mirror.store(told(ONE, TWO))
    held = mirror.held()
    assert held is not None
    mirror.store(replace(told(a_test(1, 7, "another")), listing=None, tags=()), at=LATER)
    stored = mirror.store(unchanged(held), run_id=2, at=LATER)
    assert stored.counts.unchanged == 1
    assert mirror.sql("SELECT id, title, listed_in FROM tests") == [
        (1, "another", None),
        (2, "a test", 2),
    ]


def test_a_row_that_was_deleted_meanwhile_refuses_the_page(mirror: Mirror) -> None:
    """Else the listing would claim to be complete without it."""
    mirror.store(told(ONE, TWO))
    held = mirror.held()
    assert held is not None
    mirror.write("UPDATE tests SET deleted_at = '2026' WHERE id = 2")
    page = unchanged(held, cursor=CursorMove(as_of=LATER))
    with pytest.raises(StorageError, match="2 was marked as deleted while the remote confirmed"):
        mirror.store(page, run_id=2, at=LATER)
    assert mirror.sql("SELECT complete_as_of FROM sync_cursors") == [(None,)]


def test_the_end_of_a_full_listing_forgets_windows_that_it_did_not_ask_for(
    mirror: Mirror,
) -> None:
    for page, record in ((1, ONE), (2, TWO), (3, THREE)):
        mirror.store(told(record, page=page))
    urls = "SELECT url FROM page_etags ORDER BY url"
    held = mirror.held(1)
    assert held is not None
    joined = CursorMove(as_of=LATER, end=ListingEnd.JOINED)
    incremental = ListingMark(id=2, full=False)
    mirror.store(unchanged(held, listing=incremental, cursor=joined), run_id=2)
    assert len(mirror.sql(urls)) == 3, "an incremental listing reads the head only"
    third = ListingMark(id=3, full=True)
    mirror.store(unchanged(held, listing=third), run_id=3)
    end = told(TWO, page=2, listing=third, cursor=CursorMove(as_of=LATER))
    mirror.store(end, run_id=3)
    assert mirror.sql(urls) == [(place(1).url,), (place(2).url,)]
    fourth = ListingMark(id=4, full=False)
    mirror.store(unchanged(held, listing=fourth, cursor=CursorMove(as_of=LATER)), run_id=4)
    assert mirror.sql(urls) == [(place(1).url,)]


def test_a_product_that_is_gone_takes_its_tags_along(mirror: Mirror) -> None:
    both = Page(product_id=0, kind=Kind.PRODUCTS, records=(product(7), product(8)))
    mirror.store(both)
    mirror.store(told(ONE))
    mirror.store(replace(both, records=(), gone=(7,)))
    assert mirror.sql("SELECT count(*) FROM page_etags") == [(0,)]


def test_a_fresh_start_and_another_token_begin_without_tags(
    mirror: Mirror, database: Database
) -> None:
    mirror.store(told(ONE))
    fresh = FreshStart(database)
    fresh.store_page(
        Page(product_id=0, kind=Kind.PRODUCTS, records=(product(7),)), run_id=2, at=START
    )
    fresh.adopt(2, at=START, account={})
    assert mirror.sql("SELECT count(*) FROM page_etags") == [(0,)]
    mirror.store(told(ONE))
    AccountRows(database).note({"account.base_url": "https://x"}, "2026")
    assert mirror.sql("SELECT count(*) FROM page_etags") == [(0,)]


def test_a_database_of_the_schema_before_gets_the_table_empty(tmp_path: Path) -> None:
    make_old(tmp_path / "old.db", "0002")
    database = Database(tmp_path / "old.db")
    MirrorRows(database).store_page(replace(told(ONE), tags=()), run_id=1, at=START)
    assert migrate(database) is not None, "it was backed up"
    mirror = Mirror(database)
    assert mirror.held() is None
    assert mirror.sql("SELECT id FROM tests") == [(1,)]
    mirror.store(told(ONE))
    assert mirror.held() is not None
    mirror.directory.close()
    database.close()


def test_known_is_decided_by_the_rule_of_incremental_listings(mirror: Mirror) -> None:
    mirror.store(told(ONE, cursor=CursorMove(as_of=START)))
    mirror.store(replace(told(TWO, page=2), listing=None))
    first, second = mirror.held(1), mirror.held(2)
    assert first is not None
    assert second is not None
    assert first.rows == (HeldRow(1, ONE.content_hash, ONE.end_at, known=True),)
    assert second.rows == (HeldRow(2, TWO.content_hash, TWO.end_at, known=False),)
    hashes = {record.id: record.content_hash for record in (ONE, TWO)}
    assert mirror.directory.known_tests(7, hashes) == {1}
