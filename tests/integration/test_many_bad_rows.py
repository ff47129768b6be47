"""Records of one list that cannot be used: the first have an entry each, all others one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rules.model import Kind
from rules.records import BadRow, CursorMove, ListingEnd, ListingMark, Page, TestRecord
from storage.engine.database import Database
from storage.engine.readonly import open_readonly
from storage.reads.decision_queries import open_entries
from storage.writes.mirror_rows import MirrorRows
from storage.writes.quarantine_rows import MORE, MOST_BAD_ROWS

START = datetime(2026, 7, 1, tzinfo=UTC)
PRODUCT = 7
END = CursorMove(as_of=START)


@pytest.fixture
def mirror(database: Database) -> MirrorRows:
    return MirrorRows(database)


def bad(*numbers: int) -> tuple[BadRow, ...]:
    return tuple(
        BadRow(
            position=number,
            record_id=number,
            reason=f"the {number}th has no title",
            excerpt="{}",
            fingerprint=f"f{number}",
        )
        for number in numbers
    )


def page(run_id: int, rows: Sequence[BadRow], *, full: bool = True, **parts: Any) -> Page:
    return Page(
        product_id=PRODUCT,
        kind=Kind.TESTS,
        bad_rows=tuple(rows),
        listing=ListingMark(id=run_id, full=full),
        **parts,
    )


def entries(database: Database) -> tuple[int, str]:
    """How many records have an entry of their own, and what is said of all others."""
    with open_readonly(database.path) as connection:
        found = open_entries(connection)
        more = connection.execute(
            "SELECT id FROM quarantine WHERE fingerprint = ? AND resolved_at IS NULL", (MORE,)
        ).fetchall()
    ids = {row["id"] for row in more}
    reasons = [row["reason"] for row in found if row["id"] in ids]
    return len(found) - len(ids), "".join(reasons)


def a_test(number: int) -> TestRecord:
    return TestRecord(
        id=number,
        product_id=PRODUCT,
        title="a test",
        status="running",
        review_status=None,
        testing_type=None,
        start_at=None,
        end_at=None,
        data="{}",
        content_hash="h",
    )


def test_as_many_as_may_be_are_kept_one_by_one(mirror: MirrorRows, database: Database) -> None:
    rows = bad(*range(1, MOST_BAD_ROWS + 1))
    stored = mirror.store_page(page(1, rows, cursor=END), run_id=1, at=START)
    assert stored.gaps == MOST_BAD_ROWS
    assert entries(database) == (MOST_BAD_ROWS, "")


def test_all_others_have_one_entry_and_are_counted(mirror: MirrorRows, database: Database) -> None:
    stored = mirror.store_page(page(1, bad(*range(1, 5_001)), cursor=END), run_id=1, at=START)
    assert (stored.gaps, stored.counts.quarantined) == (5_000, 5_000)
    assert entries(database) == (100, "4900 more of this list cannot be used")


def test_the_pages_of_one_listing_are_one_list(mirror: MirrorRows, database: Database) -> None:
    for first in (1, 41, 81, 121):
        mirror.store_page(page(1, bad(*range(first, first + 40))), run_id=1, at=START)
    stored = mirror.store_page(page(1, (), cursor=END), run_id=1, at=START)
    assert stored.gaps == 160
    assert entries(database) == (100, "60 more of this list cannot be used")


def test_a_second_reading_in_one_run_counts_nobody_twice(
    mirror: MirrorRows, database: Database
) -> None:
    rows = bad(*range(1, 201))
    whole = page(1, rows, cursor=END)
    mirror.store_page(whole, run_id=1, at=START)
    again = replace(whole, counted=frozenset(row.fingerprint for row in rows))
    stored = mirror.store_page(again, run_id=1, at=START)
    assert (stored.gaps, stored.counts.quarantined) == (200, 0)
    assert entries(database) == (100, "100 more of this list cannot be used")


def test_the_next_full_listing_says_how_many_there_are_then(
    mirror: MirrorRows, database: Database
) -> None:
    mirror.store_page(page(1, bad(*range(1, 401)), cursor=END), run_id=1, at=START)
    mirror.store_page(page(2, bad(*range(200, 401)), cursor=END), run_id=2, at=START)
    assert entries(database) == (100, "101 more of this list cannot be used")
    mirror.store_page(page(3, bad(5), cursor=END), run_id=3, at=START)
    assert entries(database) == (1, "")
    stored = mirror.store_page(page(4, bad(*range(1, 103)), cursor=END), run_id=4, at=START)
    assert stored.gaps == 102
    assert entries(database) == (100, "2 more of this list cannot be used")


def test_what_only_begins_at_the_head_makes_them_no_fewer(
    mirror: MirrorRows, database: Database
) -> None:
    """An incremental listing meets few of them, and says nothing of the others."""
    joined = replace(END, end=ListingEnd.JOINED)
    mirror.store_page(page(1, bad(*range(1, 301)), cursor=END), run_id=1, at=START)
    stored = mirror.store_page(
        page(2, bad(150, 151, 9_000), full=False, cursor=joined), run_id=2, at=START
    )
    assert stored.gaps == 300
    assert entries(database) == (100, "200 more of this list cannot be used")


def test_they_stay_until_a_whole_listing_has_not_met_them(
    mirror: MirrorRows, database: Database
) -> None:
    mirror.store_page(page(1, bad(*range(1, 301)), cursor=END), run_id=1, at=START)
    healed = tuple(a_test(number) for number in range(1, 301))
    joined = replace(END, end=ListingEnd.JOINED)
    stored = mirror.store_page(
        page(2, (), full=False, records=healed, cursor=joined), run_id=2, at=START
    )
    assert stored.gaps == 200, "of these it is not known which they were"
    with open_readonly(database.path) as connection:
        cursor = connection.execute("SELECT current_as_of FROM sync_cursors").fetchone()
    assert cursor["current_as_of"] is not None
    stored = mirror.store_page(page(3, (), records=healed, cursor=END), run_id=3, at=START)
    assert stored.gaps == 0
    assert entries(database) == (0, "")


def test_those_of_an_older_version_are_no_more_after_a_listing(
    mirror: MirrorRows, database: Database
) -> None:
    """It kept all of them one by one."""
    older = [
        (PRODUCT, "tests", f"f{number}", number, "no title", "{}", "a", "a", 1)
        for number in range(1, 1_001)
    ]
    with database.transaction() as connection:
        connection.executemany(
            "INSERT INTO quarantine (product_id, kind, fingerprint, position, reason, excerpt,"
            " first_seen_at, last_seen_at, last_run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            older,
        )
    mirror.store_page(page(2, bad(*range(1, 1_001)), cursor=END), run_id=2, at=START)
    assert entries(database) == (100, "900 more of this list cannot be used")
