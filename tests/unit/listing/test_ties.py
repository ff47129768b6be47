"""Rows that end at the same time, in another order at each request: none is missed (rule 5)."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rules.listing.listing import Listing, Reading
from rules.listing.stops import Seen
from rules.listing.ties import LastTie, tie_around
from rules.listing.windows import Window
from tests.examples import examples
from tests.unit.listing.lists import START, dated

Ends = Sequence[int | None]
"""When each row ends, in hours before START; None: no end. A row's id is its index."""


class Remote:
    """A list in the order of its end dates, rows without one first, and no order besides."""

    def __init__(self, ends: Ends, dice: random.Random) -> None:
        self.rows = {
            index: None if hours is None else START - timedelta(hours=hours)
            for index, hours in enumerate(ends)
        }
        self._dice = dice

    def answer(self, window: Window) -> list[Seen]:
        rows = list(self.rows.items())
        self._dice.shuffle(rows)
        rows.sort(key=lambda row: (row[1] is not None, START - (row[1] or START)))
        return [Seen(id=key, end_at=end) for key, end in rows[window.offset : window.limit]]


def read(remote: Remote, moves: Sequence[tuple[bool, int]] = ()) -> tuple[Listing, set[int], int]:
    """Read a list; between requests a row comes at the head, or one goes. Ids read, requests."""
    listing, got, left = Listing(), set[int](), list(moves)
    for requests in range(500):
        if listing.state is not Reading.GOING_ON:
            return listing, got, requests
        window = listing.next_window()
        rows = remote.answer(window)
        got |= {rows[index].id or 0 for index in listing.take(window, rows)}
        if left:
            comes, at = left.pop()
            if comes:
                remote.rows[10_000 + len(left)] = START + timedelta(hours=len(left))
            elif remote.rows:
                remote.rows.pop(sorted(remote.rows)[at % len(remote.rows)])
    raise AssertionError("no end after 500 requests")


def with_ties(dice: random.Random, count: int, *, block: int, share: float) -> list[int]:
    """`share` of the rows stand in blocks that end together."""
    ends: list[int] = []
    while len(ends) < count:
        tied = dice.random() < share / block / (1 - share + share / block)
        ends += [len(ends)] * (block if tied else 1)
    return ends[:count]


def test_of_a_thousand_listings_none_is_called_complete_with_rows_missing() -> None:
    """Blocks of five, a tenth of the rows: 58 of these were, at 10.02 requests a listing."""
    wrong, requests = [], 0
    for seed in range(1_000):
        dice = random.Random(seed)
        ends = with_ties(dice, 200, block=5, share=0.1)
        listing, got, made = read(Remote(ends, dice))
        requests += made
        if listing.state is not Reading.COMPLETE or len(got) < len(ends):
            wrong.append(seed)
    assert wrong == []
    assert requests <= 10_020, "no more than without the rule"


@examples(200)
@given(
    lengths=st.lists(st.sampled_from([1, 1, 1, 2, 3, 5, 12, 25]), max_size=60),
    without_end=st.integers(0, 25),
    moves=st.lists(st.tuples(st.booleans(), st.integers(0, 500)), max_size=12),
    seed=st.integers(0, 10**6),
)
@example(lengths=[1] * 29 + [2] + [1] * 9, without_end=0, moves=[(False, 0)], seed=1)
def test_whatever_moves_no_row_that_stayed_is_missed(
    lengths: list[int], without_end: int, moves: list[tuple[bool, int]], seed: int
) -> None:
    ends = [hours for hours, length in enumerate(lengths) for _ in range(length)]
    remote = Remote([*([None] * without_end), *ends], random.Random(seed))
    listing, got, _ = read(remote, moves)
    stayed = {key for key in remote.rows if key < 10_000}
    if listing.state is Reading.COMPLETE:
        assert stayed <= got, f"missed {sorted(stayed - got)}"
    else:
        assert listing.state is Reading.ABANDONED


def test_a_tie_that_has_moved_up_is_looked_for_further_up() -> None:
    """Two rows above go, and the one of the tie that was not read yet stands first of it now."""
    above, below = [dated(row) for row in range(28)], [dated(row) for row in range(40, 60)]
    tie = [dated(30)._replace(id=row) for row in (30, 31, 32)]
    listing, got = Listing(), set[int | None]()
    rows = [*above, *tie, *below]
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        answer = rows[window.offset : window.limit]
        got |= {answer[index].id for index in listing.take(window, answer)}
        rows = [*above[2:], *reversed(tie), *below]
    assert listing.state is Reading.COMPLETE
    assert {row.id for row in rows} <= got


@pytest.mark.parametrize("length", [14, 28, 38, 39, 40, 60, 200])
@pytest.mark.parametrize("end", [9, None])
def test_a_tie_longer_than_a_window_makes_the_listing_partial(length: int, end: int | None) -> None:
    """Even where this remote has shown all of it: nobody can know."""
    ends: list[int | None] = [*range(40), *[99] * length, *range(100, 140)]
    if end is None:
        ends = [*([None] * length), *range(90)]
    listing, got, _ = read(Remote(ends, random.Random(1)))
    if listing.state is Reading.COMPLETE:
        assert length < (40 if end is None else 39), "and the rows around it"
        assert len(got) == len(ends)
        return
    assert length > 14, "up to here there is a window for it wherever it stands"
    assert listing.state is Reading.ABANDONED
    assert "end at the same time" in listing.why_abandoned


@pytest.mark.parametrize(
    ("block", "clamp"), [(1, 99), (2, 99), (5, 99), (12, 99), (2, 20), (5, 20)]
)
def test_lists_that_end_in_a_tie_are_complete(block: int, clamp: int) -> None:
    for rows in (*range(1, 36), 58, 59, 60, 88, 120):
        remote = Remote([at - at % block for at in range(rows)], random.Random(rows))
        listing, got = Listing(), set[int | None]()
        while listing.state is Reading.GOING_ON:
            window = listing.next_window()
            answer = remote.answer(Window(page=window.page, per_page=min(clamp, window.per_page)))
            got |= {answer[index].id for index in listing.take(window, answer)}
        assert listing.state is Reading.COMPLETE, f"{rows} rows: {listing.why_abandoned}"
        assert len(got) == rows


def test_a_longer_tie_that_an_incremental_listing_meets_is_not_joined_over() -> None:
    ends = [*range(-60, -40), *[-40] * 60, *range(1, 200)]
    remote, listing = Remote(ends, random.Random(3)), Listing(incremental=True, before=START)
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        listing.take(window, [row._replace(known=True) for row in remote.answer(window)])
    assert listing.state is Reading.ABANDONED


def test_an_interrupted_listing_knows_in_which_tie_it_was_left() -> None:
    ends = [*range(26), *[30] * 8, *range(40, 90)]
    for seed in range(50):
        remote, listing, got = Remote(ends, random.Random(seed)), Listing(), set[int | None]()
        window = listing.next_window()
        rows = remote.answer(window)
        got |= {rows[index].id for index in listing.take(window, rows)}
        point = listing.resume_point
        assert (point.end, point.tied) == (30, 4)
        again = Listing(resume=point, already_read=[key or 0 for key in got], before=START)
        while again.state is Reading.GOING_ON:
            window = again.next_window()
            rows = remote.answer(window)
            got |= {rows[index].id for index in again.take(window, rows)}
        assert again.state is Reading.COMPLETE
        assert len(got) == len(ends), f"seed {seed}"


def test_parts_of_a_page_that_is_split_cut_no_tie_either() -> None:
    """The page fails once, its parts do not: nothing is a gap, and nothing may be claimed."""
    ends = [*range(10), *[10] * 15, *range(11, 90)]
    for seed in range(30):
        remote, listing, got = Remote(ends, random.Random(seed)), Listing(), set[int | None]()
        listing.failed(listing.next_window())
        while listing.state is Reading.GOING_ON:
            window = listing.next_window()
            rows = remote.answer(window)
            got |= {rows[index].id for index in listing.take(window, rows)}
        assert listing.state is Reading.ABANDONED or len(got) == len(ends), f"seed {seed}"


def test_the_tie_around_a_row_is_all_that_ends_with_it() -> None:
    rows = [dated(1), *[dated(2)] * 3, dated(5), *[Seen(id=7)] * 2]
    assert [tie_around(rows, at) for at in range(7)] == [
        *[(0, 0), (1, 3), (1, 3), (1, 3), (4, 4), (5, 6), (5, 6)]
    ]


def test_the_last_tie_is_followed_over_windows() -> None:
    tie = LastTie()
    tie.note(Window(page=1, per_page=3), [dated(1), dated(2), dated(3)], 0)
    assert (tie.begins_at, tie.length(3), tie.any_met) == (2, 1, False)
    tie.note(Window(page=2, per_page=3), [dated(4), dated(5), dated(5)], 3)
    assert (tie.begins_at, tie.length(6), tie.any_met) == (4, 2, True)
    tie.note(Window(page=4, per_page=2), [dated(5), dated(5)], 6)
    assert (tie.begins_at, tie.length(8)) == (4, 4), "it goes on behind the joint"
    tie.note(Window(page=5, per_page=2), [dated(6)], 8)
    assert (tie.begins_at, tie.length(9), tie.any_met) == (8, 1, True)
    tie.note(Window(page=6, per_page=2), [], 9)
    assert (tie.begins_at, tie.length(9)) == (8, 1), "nothing was read"
    assert (tie.at(40).begins_at, tie.at(40).any_met, tie.at(40).any_cut) == (39, True, False)


def window_at(offset: int) -> Window:
    return Window(page=offset + 1, per_page=1)


def test_a_tie_that_begins_with_the_second_row_behind_the_joint_begins_there() -> None:
    tie = LastTie()
    assert (tie.begins_at, tie.any_met, tie.any_cut) == (0, False, False)
    tie.note(window_at(0), [dated(1)], 0)
    tie.note(window_at(1), [dated(1), dated(2)], 1)
    assert tie.begins_at == 2


def tie_cut_at_4() -> LastTie:
    """Rows 3 and 4 end together, and a joint stands between them."""
    tie = LastTie()
    tie.note(window_at(0), [dated(0), dated(1), dated(2), dated(3)], 0)
    tie.cut(4)
    tie.note(window_at(4), [dated(3), dated(5), dated(6)], 4)
    return tie


def test_a_tie_that_was_cut_is_whole_again_in_a_window_that_begins_above_it() -> None:
    tie = tie_cut_at_4()
    assert (tie.begins_at, tie.any_cut) == (3, True)
    tie.note(window_at(3), [dated(3), dated(3), dated(5)], 7)
    assert tie.any_cut, "there may be more of it above"
    tie.note(window_at(2), [dated(2), dated(3), dated(3), dated(5)], 7)
    assert not tie.any_cut


@pytest.mark.parametrize(("around", "is_cut"), [(3, False), (4, False), (5, True)])
def test_a_tie_cut_beside_a_hole_is_a_gap_like_it_and_one_cut_far_above_it_is_not(
    around: int, is_cut: bool
) -> None:
    tie = tie_cut_at_4()
    tie.pass_hole(around)
    assert (tie.begins_at, tie.any_cut) == (6, is_cut)


def test_that_a_tie_was_cut_for_good_is_not_forgotten() -> None:
    tie = LastTie(7, was_cut=True)
    assert (tie.any_cut, tie.at(40).any_cut) == (True, True)
    tie.note(window_at(0), [dated(0), dated(1)], 0)
    tie.pass_hole(0)
    assert tie.any_cut


@pytest.mark.parametrize("clamp", [7, 10, 25])
def test_short_ties_are_read_whole_where_the_server_clamps_its_pages(clamp: int) -> None:
    ends = [hours for hours in range(90) for _ in range(2 if hours % 10 == 3 else 1)]
    missed = 0
    for seed in range(40):
        remote, listing, got = Remote(ends, random.Random(seed)), Listing(), set[int | None]()
        while listing.state is Reading.GOING_ON:
            window = listing.next_window()
            size = min(clamp, window.per_page)
            rows = remote.answer(Window(page=window.page, per_page=size))
            got |= {rows[index].id for index in listing.take(window, rows)}
        missed += listing.state is not Reading.COMPLETE
        assert listing.state is not Reading.COMPLETE or len(got) == len(ends)
    assert missed == 0


def test_what_is_not_known_of_a_tie_goes_on() -> None:
    assert LastTie().goes_on_with(dated(1))
