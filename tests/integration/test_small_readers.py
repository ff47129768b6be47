"""What small readers and writers of the mirror do where there is nothing, or nothing usual."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rules.model import Kind
from rules.records import ListingMark, Page
from storage.engine.atomic_file import CannotPublish, private_file_beside, publish, refuse_existing
from storage.engine.database import Database
from storage.engine.readonly import open_readonly
from storage.engine.times import as_instant, as_text
from storage.reads.decision_queries import held_set
from storage.reads.inspection import inspect_database
from storage.reads.lookups import RowFilter, chosen_tests, find_rows
from storage.settings.override_rows import OverrideRows
from storage.writes.mirror_rows import MirrorRows
from tests.fakes import START, a_test, product


def test_choices_are_exactly_those_that_were_written_last(database: Database) -> None:
    rows, others = OverrideRows(database, "choice:"), OverrideRows(database, "other:")
    others.write({"other:kept": "1"}, at=START)
    rows.write({"choice:interval": "300", "choice:rate": "5"}, at=START)
    rows.write({"choice:rate": "6"}, at=START)
    assert rows.read() == {"choice:rate": "6"}
    rows.write({}, at=START)
    assert rows.read() == {}
    assert others.read() == {"other:kept": "1"}


def test_a_set_that_does_not_exist_is_none(database: Database) -> None:
    with open_readonly(database.path) as connection:
        assert held_set(connection, 17) is None


@pytest.fixture
def three_tests(database: Database) -> Database:
    """Tests 1 to 3 of product 1, which end one, two and three hours before START."""
    rows, mark = MirrorRows(database), ListingMark(id=1, full=True)
    pages = (
        Page(product_id=0, kind=Kind.PRODUCTS, records=(product(1),), listing=mark),
        Page(
            product_id=1,
            kind=Kind.TESTS,
            records=tuple(a_test(key, 1) for key in (1, 2, 3)),
            listing=mark,
        ),
    )
    for page in pages:
        rows.store_page(page, run_id=1, at=START)
    return database


def test_since_is_the_end_of_tests_and_the_change_of_products(three_tests: Database) -> None:
    with open_readonly(three_tests.path) as connection:
        two_hours_ago = RowFilter(since=START - timedelta(hours=2))
        assert chosen_tests(connection, two_hours_ago) == [1, 2]
        assert chosen_tests(connection, RowFilter(since=START)) == []

        def products(since: datetime) -> int:
            return len(find_rows(connection, Kind.PRODUCTS, RowFilter(since=since)))

        assert (products(START), products(START + timedelta(seconds=1))) == (1, 0)


def test_times_are_stored_in_utc_whatever_zone_they_come_in() -> None:
    summer = timezone(timedelta(hours=2))
    stored = as_text(datetime(2026, 7, 1, 12, 30, tzinfo=summer))
    assert stored == "2026-07-01T10:30:00.000000Z"
    assert as_instant(stored) == datetime(2026, 7, 1, 12, 30, tzinfo=summer)


def test_what_is_in_the_way_of_a_file_is_named(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.write_text("old")
    with pytest.raises(CannotPublish, match="no folder"):
        refuse_existing(tmp_path / "missing" / "file", force=True)
    with pytest.raises(CannotPublish, match="is a folder"):
        refuse_existing(tmp_path, force=True)
    with pytest.raises(CannotPublish, match="--force replaces it"):
        refuse_existing(there, force=False)
    refuse_existing(there, force=True)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "report"
    with private_file_beside(target) as path:
        path.write_text("half")
    assert list(tmp_path.iterdir()) == []
    with private_file_beside(target) as path:
        path.write_text("whole")
        publish(path, target, force=False)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["whole"]


def test_a_folder_that_takes_no_files_is_named(tmp_path: Path) -> None:
    target = Path("/proc/report")
    with (
        pytest.raises(CannotPublish, match=r"/proc/report cannot be written"),
        private_file_beside(target),
    ):
        raise AssertionError("nobody can make files in /proc")


def test_a_path_that_cannot_be_looked_at_is_said_in_the_systems_words(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 300)
    facts = inspect_database(path, thorough=False, seconds=1.0)
    assert facts.why != ""
    assert "cannot be read: File name too long" in facts.why
