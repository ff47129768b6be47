"""What a dry run says of each row: the differences between two copies of a mirror."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rules.model import Kind
from rules.records import ListingMark, Page, PendingDeletion, TestRecord
from storage.engine.database import Database
from storage.reads.comparing import compare_mirrors
from storage.writes.mirror_rows import MirrorRows
from tests.fakes import START, a_test, product, rows_of

RUN = 2


def page_of(records: list[TestRecord], **more: object) -> Page:
    mark = ListingMark(id=1, full=True)
    records_of = rows_of(records).records
    return Page(product_id=1, kind=Kind.TESTS, records=records_of, listing=mark, **more)  # type: ignore[arg-type]


@pytest.fixture
def before(database: Database, tmp_path: Path) -> Path:
    """A mirror with one product and tests 1 to 4, the last of them marked as deleted."""
    rows = MirrorRows(database)
    mark = ListingMark(id=1, full=True)
    products = Page(product_id=0, kind=Kind.PRODUCTS, records=(product(1),), listing=mark)
    rows.store_page(products, run_id=1, at=START)
    rows.store_page(page_of([a_test(key, 1) for key in (1, 2, 3, 4)]), run_id=1, at=START)
    rows.store_page(page_of([], gone=(4,)), run_id=1, at=START)
    copy = tmp_path / "before.db"
    database.backup_to(copy)
    return copy


def said(before: Path, database: Database) -> list[str]:
    return [str(each) for each in compare_mirrors(before, database.path, run_id=RUN)]


def test_two_equal_mirrors_differ_in_nothing(before: Path, database: Database) -> None:
    assert said(before, database) == []


def test_each_row_is_named_with_what_would_happen_to_it(before: Path, database: Database) -> None:
    changed = replace(a_test(2, 1), title="renamed", data='{"title": "renamed"}', content_hash="x")
    coming = [changed, a_test(4, 1), replace(a_test(5, 1), title=None)]
    rows = MirrorRows(database)
    rows.store_page(page_of(coming), run_id=RUN, at=START)
    rows.store_page(page_of([], gone=(3,)), run_id=RUN, at=START)
    assert said(before, database) == [
        "tests 2 changed: title",
        "tests 3 gone: a test",
        "tests 4 revived: a test",
        "tests 5 new: without a title",
    ]


def test_a_row_that_differs_in_no_field_is_named_by_its_title(
    before: Path, database: Database
) -> None:
    again = replace(a_test(2, 1), content_hash="another mapping")
    MirrorRows(database).store_page(page_of([again]), run_id=RUN, at=START)
    assert said(before, database) == ["tests 2 changed: a test"]


def test_rows_that_this_run_holds_back_are_named_with_the_reason(
    before: Path, database: Database
) -> None:
    held = PendingDeletion(ids=(1, 2), of_rows=3, reason="two of three rows are missing")
    MirrorRows(database).store_page(page_of([], pending=held), run_id=RUN, at=START)
    assert said(before, database) == [
        "tests 1 held: two of three rows are missing",
        "tests 2 held: two of three rows are missing",
    ]
    assert list(compare_mirrors(before, database.path, run_id=RUN + 1)) == []
