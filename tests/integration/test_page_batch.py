"""Pages that are stored together come to the same as pages that are stored one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.model import Kind
from rules.records import BadRow, CursorMove, ListingMark, Page, Stored
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.writes.mirror_rows import MirrorRows
from storage.writes.page_batch import may_share
from tests.conftest import Bench
from tests.databases import migrated
from tests.fakes import START, a_test

MARK = ListingMark(id=7, full=True, resume='{"end": 3}')
BAD = BadRow(position=1, record_id=None, reason="no id", excerpt="", fingerprint="x")


def page(product: int, *titles: str, mark: ListingMark = MARK) -> Page:
    records = tuple(
        a_test(product * 100 + index, product, title) for index, title in enumerate(titles)
    )
    return Page(product_id=product, kind=Kind.TESTS, records=records, listing=mark)


pages_of_one_moment = st.lists(
    st.builds(
        lambda product, titles: page(product, *titles),
        st.integers(1, 6),
        st.lists(st.sampled_from("abc"), max_size=40),
    ),
    max_size=6,
    unique_by=lambda made: made.product_id,
)


def content(database: Database) -> list[Any]:
    with closing(sqlite3.connect(database.path)) as connection:
        tests = connection.execute("SELECT * FROM tests ORDER BY id").fetchall()
        return [tests, connection.execute("SELECT * FROM sync_cursors ORDER BY 1, 2").fetchall()]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(moments=st.lists(pages_of_one_moment.filter(bool), min_size=1, max_size=4))
def test_the_rows_and_counts_are_the_same(
    moments: list[list[Page]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("batch")
    together, singly = migrated(folder / "a.db"), migrated(folder / "b.db")
    try:
        for pages in moments:
            one_by_one = [MirrorRows(singly).store_page(each, run_id=7, at=START) for each in pages]
            assert MirrorRows(together).store_pages(pages, at=START) == tuple(one_by_one)
        assert content(together) == content(singly)
    finally:
        together.close()
        singly.close()


@pytest.mark.parametrize(
    "other",
    [
        replace(page(2, "a"), cursor=CursorMove(as_of=START)),
        replace(page(2, "a"), bad_rows=(BAD,)),
        replace(page(2, "a"), gone=(5,)),
        replace(page(2, "a"), wants_full="why"),
        replace(page(2, "a"), listing=None),
        replace(page(2, "a"), kind=Kind.FEATURES),
        page(2, "a", mark=ListingMark(id=7, full=False)),
        page(1, "a"),
        replace(page(2), records=page(1, "a").records),
    ],
)
def test_what_needs_more_than_its_rows_is_stored_by_itself(other: Page) -> None:
    assert may_share([page(1, "a"), page(2, "a")])
    assert not may_share([page(1, "a"), other])


def test_a_healed_record_and_an_abandoned_listing_are_dealt_with_singly(
    database: Database,
) -> None:
    rows = MirrorRows(database)
    rows.store_page(replace(page(1), bad_rows=(BAD,)), run_id=7, at=START)
    assert rows.store_pages([page(1, "a"), page(2, "a")], at=START) is None
    rows.store_page(page(3, "a", mark=replace(MARK, id=6)), run_id=6, at=START)
    assert rows.store_pages([page(3, "a"), page(2, "a")], at=START) is None
    assert rows.store_pages([page(4, "a"), page(2, "a")], at=START) is not None


def test_a_database_that_refuses_fails_each_product_that_waited(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared: list[int] = []

    def refuse(pages: Sequence[Page], **_: object) -> tuple[Stored, ...] | None:
        shared.append(len(pages))
        raise StorageError("the disk is full")

    bench.account.tests_each, bench.workers = 90, 3
    monkeypatch.setattr(bench.mirror, "store_pages", refuse)
    result = bench.run(timeout=15)
    failed = [(problem.phase, problem.product_id) for problem in result.errors]
    assert len(failed) == sum(shared), f"{shared} pages were refused, {failed} failed"


def test_the_mirror_keeps_its_place_after_pages_stored_together(
    database: Database,
) -> None:
    rows = MirrorRows(database)
    assert rows.store_pages([page(1, "a", "b"), page(2, "c")], at=START) is not None
    with closing(sqlite3.connect(database.path)) as connection:
        found = connection.execute(
            "SELECT product_id, resume_listing, resume FROM sync_cursors ORDER BY product_id"
        ).fetchall()
    assert found == [(1, 7, MARK.resume), (2, 7, MARK.resume)]
