"""The way of a listing through rows that end at the same time, window by window (rule 5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import pytest

from rules.listing.listing import Listing, Reading
from rules.listing.resume import ResumePoint
from rules.listing.stops import Seen
from rules.listing.windows import Window
from tests.unit.listing.lists import START

TIED = "more tests end at the same time than one page shows, in no sure order"


def ties(*lengths: int) -> list[Seen]:
    """Rows in ties of these lengths; each has its position, from 0, as its id."""
    ends = [hours for hours, length in enumerate(lengths) for _ in range(length)]
    return [Seen(id=at, end_at=START - timedelta(hours=hours)) for at, hours in enumerate(ends)]


def follow(
    listing: Listing,
    rows: Sequence[Seen],
    *,
    requests: int = 100,
    poison: int = -1,
    fail_once: Collection[Window] = (),
) -> list[tuple[int, int]]:
    """Page and size of each window; the row `poison` can never be shown."""
    asked, failing = list[tuple[int, int]](), set(fail_once)
    while listing.state is Reading.GOING_ON and len(asked) < requests:
        window = listing.next_window()
        asked.append((window.page, window.per_page))
        answer = rows[window.offset : window.limit]
        if window in failing or any(row.id == poison for row in answer):
            failing.discard(window)
            listing.failed(window)
        else:
            listing.take(window, answer)
    return asked


def test_a_tie_that_fits_into_no_window_of_thirty_is_read_in_one_of_forty() -> None:
    listing = Listing()
    asked = follow(listing, ties(*[1] * 5, 25, *[1] * 40))
    assert asked[:2] == [(1, 30), (1, 40)]
    assert listing.state is Reading.COMPLETE


def test_a_tie_at_the_head_has_no_row_above_it_that_could_be_missed() -> None:
    listing = Listing()
    follow(listing, ties(32), requests=3)
    assert not listing.resume_point.cut_tie
    for rows in (ties(32, *[1] * 8), ties(38, *[1] * 80)):
        listing = Listing()
        assert follow(listing, rows)[:3] == [(1, 30), (1, 40), (2, 30)]
        assert listing.state is Reading.COMPLETE


@pytest.mark.parametrize("length", [2, 3])
def test_the_first_tie_that_is_met_just_at_a_joint_is_looked_at_from_above(length: int) -> None:
    listing = Listing()
    asked = follow(listing, ties(*[1] * 29, length, *[1] * 40))
    assert asked[:3] == [(1, 30), (2, 29), (2, 28)]
    assert listing.state is Reading.COMPLETE


def test_where_a_window_can_only_begin_with_the_tie_the_row_above_is_read_again() -> None:
    listing = Listing()
    assert follow(listing, ties(25, 25)) == [(1, 30), (2, 24), (2, 25), (25, 1), (3, 24)]
    assert listing.why_abandoned == TIED


def test_where_a_window_can_only_begin_with_a_hole_the_row_above_the_tie_is_read_again() -> None:
    """Row 43 is the hole, and row 44, behind it, the first of the window and above the tie."""
    asked = follow(Listing(), ties(25, 1, 25), poison=43)
    assert asked[-5:] == [(44, 1), (45, 1), (3, 22), (45, 1), (3, 22)]


def test_the_end_of_a_list_in_a_tie_is_one_only_if_it_shows_what_was_read() -> None:
    """Page two should hold one row and holds two that were read: another one has moved up."""
    rows = ties(*[1] * 5, 25)
    listing = Listing()
    listing.take(listing.next_window(), rows[:29])
    follow(listing, [*rows[:5], rows[29], *rows[5:29]])
    assert listing.state is Reading.ABANDONED
    assert listing.why_abandoned == TIED


def test_a_tie_that_single_rows_around_a_hole_cut_is_a_gap_like_the_hole() -> None:
    above, behind, right_behind = Listing(), Listing(), Listing()
    follow(above, ties(1, 1, 1, 1, 2, *[1] * 60), poison=7)
    follow(behind, ties(1, 1, 2, *[1] * 60), poison=0)
    follow(
        right_behind,
        ties(*[1] * 6, 2, *[1] * 60),
        poison=4,
        fail_once=[Window(page=2, per_page=5)],
    )
    for listing in (above, behind, right_behind):
        assert listing.state is Reading.COMPLETE


def test_a_tie_far_behind_a_hole_is_a_tie_like_any_other() -> None:
    """Rows 12 to 43 end together; row 34 has to show that nothing moved above those behind."""
    asked = follow(Listing(), ties(12, 32), poison=31)
    assert asked[-4:] == [(3, 17), (3, 16), (35, 1), (3, 16)]


def test_as_many_rows_are_kept_to_show_the_overlap_as_their_tie_has_and_one_above() -> None:
    for length, kept in ((1, 4), (3, 4), (4, 5), (10, 11)):
        listing = Listing()
        follow(listing, ties(*[1] * (30 - length), length, *[1] * 40), requests=1)
        assert listing.resume_point.tail == tuple(range(30 - kept, 30))
        assert listing.resume_point.tied == length


def test_a_listing_that_was_interrupted_knows_that_a_tie_was_cut() -> None:
    point = ResumePoint(end=60, tail=(59,), tail_at=59, cut_tie=True)
    listing = Listing(resume=point, already_read=range(60), before=START)
    assert listing.resume_point == point
    asked = follow(listing, ties(*[1] * 70))
    assert listing.state is Reading.COMPLETE
    assert asked[asked.index((1, 30)) :] == [(1, 30), (2, 29), (3, 28), (4, 23)], "it begins anew"


def test_a_row_that_comes_up_within_the_overlap_is_no_sign_of_disorder() -> None:
    rows = ties(*[1] * 80)
    listing, between = Listing(), Seen(id=900, end_at=START - timedelta(hours=28.5))
    follow(listing, rows, requests=1)
    window = listing.next_window()
    assert window == Window(page=2, per_page=29)
    taken = listing.take(window, [between, *rows[29:57]])
    assert taken == (0, *range(2, 29)), "it is stored all the same"
    assert listing.ordered


def test_a_new_row_in_the_tie_of_the_overlap_is_one_that_an_incremental_listing_goes_on_for() -> (
    None
):
    rows = [row._replace(known=row.id != 5) for row in ties(*[1] * 28, 2, *[1] * 60)]
    fresh = rows[29]._replace(id=900, known=False)
    for new, state in (([], Reading.JOINED), ([fresh], Reading.GOING_ON)):
        listing = Listing(incremental=True, before=START + timedelta(hours=1))
        follow(listing, rows, requests=1)
        window = listing.next_window()
        moved = [*rows[:28], *new, *rows[28:]]
        listing.take(window, moved[window.offset : window.limit])
        assert listing.state is state


def test_the_first_row_behind_the_overlap_counts_as_one_that_was_read() -> None:
    for unknown, state in ((29, Reading.JOINED), (30, Reading.GOING_ON)):
        rows = [row._replace(known=row.id not in (5, unknown)) for row in ties(*[1] * 90)]
        listing = Listing(incremental=True, before=START + timedelta(hours=1))
        follow(listing, rows, requests=2)
        assert listing.state is state, "row 29 is in the overlap, row 30 behind it"


def test_a_tie_is_cut_where_no_row_above_it_has_an_id_to_be_known_by() -> None:
    rows = [row._replace(id=None) if at < 25 else row for at, row in enumerate(ties(25, 25))]
    listing = Listing()
    assert follow(listing, rows, requests=3) == [(1, 30), (2, 24), (2, 25)]
    assert listing.resume_point.cut_tie
    follow(listing, rows)
    assert listing.why_abandoned == TIED
