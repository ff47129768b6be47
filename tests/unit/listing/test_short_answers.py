"""What a short answer, or one that was given before, says about the end of the list (rule 6)."""

from __future__ import annotations

import pytest

from rules.listing.listing import Listing, Reading
from rules.listing.resume import ResumePoint
from rules.listing.stops import Seen
from rules.listing.windows import Window
from tests.unit.listing.lists import START, dated


def rows(first: int, last: int) -> list[Seen]:
    return [dated(row) for row in range(first, last + 1)]


def resumed(end: int, *, allowed: int = 30, largest: int = 0, tail: int = 1) -> Listing:
    point = ResumePoint(
        end=end,
        tail=tuple(range(end - tail + 1, end + 1)),
        tail_at=end - 1,
        largest_allowed=allowed,
        largest_answer=largest,
    )
    return Listing(resume=point, already_read=range(1, end + 1), before=START)


@pytest.mark.parametrize(("largest", "then"), [(0, 2), (1, 2), (2, 1)])
def test_an_answer_as_long_as_the_longest_so_far_may_have_been_cut(largest: int, then: int) -> None:
    """A single row, which was read before: is it the list, or a server that gives one at a time?"""
    listing = resumed(1, largest=largest)
    listing.take(listing.next_window(), rows(1, 1))
    window = listing.next_window()
    assert window == (Window(page=2, per_page=1) if then == 2 else Window(page=1, per_page=30))


@pytest.mark.parametrize("largest", [0, 4, 30])
def test_a_page_full_of_what_was_read_is_not_the_end(largest: int) -> None:
    listing = resumed(64, allowed=4, largest=largest, tail=4)
    listing.take(listing.next_window(), rows(901, 903))
    stepped_back = listing.next_window()
    assert stepped_back == Window(page=16, per_page=4)
    listing.take(stepped_back, rows(61, 64))
    assert listing.next_window() == Window(page=22, per_page=3), "it reads on"


def test_the_first_page_asked_for_again_is_no_second_page_that_repeats_it() -> None:
    """Thirty rows end together: the next window begins at the head too, to show them all."""
    listing, tied = Listing(), [dated(1)._replace(id=row) for row in range(30)]
    listing.take(listing.next_window(), tied)
    for _ in range(2):
        assert listing.next_window() == Window(page=1, per_page=40)
        listing.take(Window(page=1, per_page=40), tied)


def test_a_page_further_down_that_repeats_the_first_does_not_say_that_paging_is_ignored() -> None:
    listing = Listing()
    listing.take(listing.next_window(), rows(1, 30))
    listing.take(listing.next_window(), rows(30, 58))
    third = listing.next_window()
    listing.take(third, rows(1, 30))
    back = listing.next_window()
    assert third.offset > back.offset > 0, "a step back"
    listing.take(back, rows(1, 30))
    assert listing.state is Reading.GOING_ON
