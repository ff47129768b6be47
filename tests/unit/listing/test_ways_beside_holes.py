"""Holes that are known, or were thought to be: where they are looked for, and how often."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from rules.listing.listing import MAX_FORGOTTEN, Listing, Reading
from rules.listing.stops import Seen
from rules.records import HoleRecord
from tests.unit.listing.lists import dated


def follow(
    listing: Listing, rows: Sequence[Seen], *, requests: int = 2_000, poison: Collection[int] = ()
) -> list[tuple[int, int]]:
    """Page and size of each window; the rows at the positions `poison` cannot be shown."""
    asked: list[tuple[int, int]] = []
    while listing.state is Reading.GOING_ON and len(asked) < requests:
        window = listing.next_window()
        asked.append((window.page, window.per_page))
        held = range(window.offset, min(window.limit, len(rows)))
        if any(at in poison for at in held):
            listing.failed(window)
        else:
            listing.take(window, [rows[at] for at in held])
    return asked


def numbered(count: int) -> list[Seen]:
    return [dated(row) for row in range(1, count + 1)]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [(MAX_FORGOTTEN, ""), (MAX_FORGOTTEN + 1, "the list moved too much while it was read")],
)
def test_so_many_holes_that_are_not_there_are_forgotten_one_by_one(wrong: int, why: str) -> None:
    assert MAX_FORGOTTEN == 100
    known = [
        HoleRecord(position=row + 1, before_id=row, after_id=10_000 + row)
        for row in range(1, wrong + 1)
    ]
    listing = Listing(holes=known)
    follow(listing, numbered(wrong + 20))
    assert listing.why_abandoned == why
    assert listing.state is (Reading.ABANDONED if why else Reading.COMPLETE)


def test_a_known_hole_is_looked_for_behind_its_neighbour_when_that_is_the_first_new_row() -> None:
    known = HoleRecord(position=30, before_id=1, after_id=3)
    listing = Listing(holes=[known])
    asked = follow(listing, numbered(60), poison={1})
    assert listing.state is Reading.COMPLETE
    assert (2, 1) not in asked, "it is stepped over, not met anew"


def test_a_known_hole_is_not_looked_for_behind_a_row_that_is_met_again_further_down() -> None:
    """Row 30 was read behind row 29, so there is no hole, wherever they move to."""
    listing = Listing(holes=[HoleRecord(position=90, before_id=29, after_id=31)])
    rows = numbered(200)
    assert follow(listing, rows, requests=1) == [(1, 30)]
    rows = [*(dated(-at) for at in range(29, 0, -1)), *rows]
    assert follow(listing, rows, requests=1) == [(2, 29)]
    assert listing.resume_point.end == 58
    assert listing.next_window().offset < 58


def test_where_no_row_above_has_an_id_the_next_one_that_has_is_the_proof() -> None:
    """Rows 1 and 2 have none, so row 3 has to be where it was, and the fourth cannot be shown."""
    rows = numbered(40)
    rows[:2] = [row._replace(id=None) for row in rows[:2]]
    listing = Listing()
    asked = follow(listing, rows, poison={3})
    assert listing.state is Reading.COMPLETE
    assert asked.count((1, 30)) == 1, "nothing has moved"
    assert asked.count((3, 1)) == 2
