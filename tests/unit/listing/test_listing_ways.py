"""The way of a listing, window by window: stepping back, seeking, starting over, giving up."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from rules.listing.listing import Listing, Reading
from rules.listing.resume import ResumePoint
from rules.listing.windows import Window
from rules.records import HoleRecord
from tests.unit.listing.lists import START, dated

Remote = Callable[[Window], Sequence[int] | None]
"""What it answers to a window; None: it fails for good."""


def follow(listing: Listing, remote: Remote, *, requests: int = 1_000) -> list[tuple[int, int]]:
    """Carry the listing on for so many requests at most; page and size of each window."""
    asked: list[tuple[int, int]] = []
    while listing.state is Reading.GOING_ON and len(asked) < requests:
        window = listing.next_window()
        asked.append((window.page, window.per_page))
        rows = remote(window)
        if rows is None:
            listing.failed(window)
        else:
            listing.take(window, [dated(row) for row in rows])
    return asked


def still(rows: Sequence[int]) -> Remote:
    return lambda window: rows[window.offset : window.limit]


def restless() -> Remote:
    """A list in which no row is ever met twice."""
    fresh = itertools.count(10**6)
    return lambda window: [next(fresh) for _ in range(window.per_page)]


def left_at(end: int, tail: Sequence[int] = (7,), *, floor: int = 0) -> Listing:
    """A listing that was interrupted after so many rows."""
    point = ResumePoint(end=end, tail=tuple(tail), tail_at=end - 1, floor=floor)
    return Listing(resume=point, already_read=range(1, end + 1), before=START)


def test_a_list_that_never_joins_up_is_begun_three_times_and_given_up() -> None:
    listing = Listing()
    assert follow(listing, restless()) == 3 * [(1, 30), (2, 29), (2, 26), (1, 30)]
    assert listing.state is Reading.ABANDONED
    assert listing.why_abandoned == "the list moved too much while it was read"


@pytest.mark.parametrize(
    ("end", "floor", "steps"),
    [(20_000, 0, 7), (200, 0, 4), (64, 0, 3), (105, 40, 4), (104, 40, 3)],
    ids=["six at most", "to 64 rows", "not to the head", "again to 64 rows", "not to a hole"],
)
def test_stepping_back_goes_ever_further_and_then_begins_at_the_head(
    end: int, floor: int, steps: int
) -> None:
    asked = follow(left_at(end, floor=floor), restless(), requests=steps + 1)
    assert (1, 30) not in asked[:steps]
    assert asked[steps] == (1, 30)


def test_a_resumed_listing_that_begins_anew_is_a_listing_like_any_other() -> None:
    """Only one that was resumed reads the head again at the end."""
    rows = [*range(5_000, 5_040)]
    listing = left_at(64)
    asked = follow(listing, still(rows))
    assert listing.state is Reading.COMPLETE
    assert asked[-3:] == [(1, 30), (2, 29), (2, 30)]


def test_what_came_up_above_is_passed_by_and_read_at_the_end() -> None:
    rows = [*range(-100, 0), *range(1, 401)]
    listing = left_at(300, (297, 298, 299, 300))
    asked = follow(listing, still(rows))
    seeking, on, head = asked[:4], asked[4:10], asked[10:]
    assert seeking == [(12, 27), (12, 29), (16, 23), (14, 28)]
    assert on == [(14, 30), (17, 26), (16, 29), (18, 27), (17, 30), (18, 29)]
    assert head == [(1, 30), (2, 29), (3, 28), (4, 27), (5, 26)]
    assert listing.state is Reading.COMPLETE


def test_seeking_ends_after_two_hundred_windows() -> None:
    """A remote that answers with old rows wherever it is asked."""
    asked = follow(left_at(300, (300,)), lambda window: [1] * window.per_page)
    assert asked.index((1, 30)) == 200 + 1 + 6, "then one fails and six steps back do"


def test_seeking_in_a_list_that_has_become_short_looks_from_its_head() -> None:
    listing = left_at(10, (7, 8, 9, 10))
    shorter = still([*range(101, 106), *range(1, 6)])
    assert follow(listing, shorter, requests=2)[0] == (1, 30)
    assert listing.next_window() == Window(page=1, per_page=30)


def test_an_answer_of_rows_that_nobody_has_read_is_not_above() -> None:
    listing = left_at(300, (300,))
    first = listing.next_window()
    listing.take(first, [dated(row) for row in range(9_000, 9_000 + first.per_page)])
    again = listing.next_window()
    assert again.offset <= 296 < again.limit, "a step back, four rows at first"


def test_an_empty_answer_is_not_above_either() -> None:
    listing = left_at(300, (300,))
    listing.take(listing.next_window(), [])
    again = listing.next_window()
    assert again.offset <= 296 < again.limit


def test_a_window_is_for_reading_on_but_not_where_it_is_a_proof_or_a_part() -> None:
    rows = list(range(1, 101))

    def remote(window: Window) -> Sequence[int] | None:
        answer = rows[window.offset : window.limit]
        return None if 50 in answer else answer

    listing, said = Listing(), []
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        said.append((window.page, window.per_page, listing.is_reading_on))
        follow(listing, remote, requests=1)
    plain_before, plain_behind = [(1, 30), (2, 29)], [(3, 29), (4, 28), (4, 30)]
    in_fives = [(8, 4), (7, 5), (9, 4), (8, 5), (14, 3), (9, 5), (12, 4), (10, 5)]
    in_ones_and_on = [(49, 1), (50, 1), (11, 5), (19, 3), (12, 5)]
    proofs = [(48, 1), (49, 1), (50, 1), (11, 5)]
    parts = [*in_fives, *in_ones_and_on, *proofs]
    assert [(page, size) for page, size, _ in said] == [*plain_before, *parts, *plain_behind]
    reading_on = [(page, size) for page, size, is_reading_on in said if is_reading_on]
    assert reading_on == [*plain_before, *plain_behind]


def test_the_last_page_read_again_is_no_reading_on() -> None:
    """Pages of two rows cannot overlap: the last one is asked for again."""
    rows = [1, 2, 3, 4]
    listing, said = Listing(), []
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        said.append((window.page, window.per_page, listing.is_reading_on))
        start = (window.page - 1) * min(2, window.per_page)
        listing.take(window, [dated(row) for row in rows[start : start + 2]])
    assert said == [(1, 30, True), (2, 2, True), (3, 2, True), (2, 2, False)]


def at_row(end: int, **more: object) -> ResumePoint:
    given: dict[str, object] = {"end": end, "tail": (end,), "tail_at": end - 1}
    return ResumePoint(**given | more)  # type: ignore[arg-type]


def test_an_interrupted_listing_keeps_what_it_had_learned() -> None:
    point = at_row(60, largest_allowed=10, largest_answer=10, left_out=True, proven=False, floor=3)
    listing = Listing(resume=point, already_read=range(1, 61), before=START)
    assert listing.resume_point == point
    assert listing.next_window().per_page <= 10


def test_an_interrupted_listing_that_cannot_prove_it_begins_anew() -> None:
    """What it thought of the pages may have been wrong."""
    for doubt in ({"left_out": True}, {"proven": False}):
        listing = Listing(resume=at_row(60, **doubt), already_read=range(1, 61), before=START)
        asked = follow(listing, still(range(1, 71)))
        assert listing.state is Reading.COMPLETE
        assert asked == [(3, 29), (7, 11), (1, 30), (2, 29), (3, 28), (4, 23)]


def read_some(count: int = 8) -> Listing:
    listing = Listing()
    follow(listing, still(range(1, 2_000)), requests=count)
    return listing


def test_half_as_many_windows_are_announced_as_were_read_in_a_row() -> None:
    listing = read_some()
    assert [len(listing.coming(most)) for most in (0, 3, 9)] == [0, 3, 4]
    ahead = [(window.page, window.per_page) for window in listing.coming(9)]
    assert follow(listing, still(range(1, 2_000)), requests=4) == ahead


def test_after_a_failure_nothing_is_announced() -> None:
    listing = read_some()
    listing.failed(listing.next_window())
    assert listing.coming(9) == ()


def test_no_window_is_announced_at_or_behind_a_known_hole() -> None:
    far = HoleRecord(position=1_500, before_id=1_499, after_id=1_501)
    listing = Listing(holes=[far])
    follow(listing, still(range(1, 2_000)), requests=8)
    assert listing.coming(9) == ()


def test_a_hole_is_told_of_once_it_is_proven_and_not_before() -> None:
    rows = list(range(1, 101))
    listing, told_after = Listing(), []
    for request in range(1, 23):
        window = listing.next_window()
        answer = rows[window.offset : window.limit]
        if 50 in answer:
            listing.failed(window)
        else:
            listing.take(window, [dated(row) for row in answer])
        if listing.take_holes():
            told_after.append(request)
    assert listing.state is Reading.COMPLETE
    assert told_after == [19], "with the last proof, and three windows before the end"


def test_a_split_window_after_a_step_back_reaches_on() -> None:
    """Having stepped back it looked four rows up; behind a failure it reads on from the last."""
    listing = Listing()
    follow(listing, still(range(1, 2_000)), requests=4)
    window = listing.next_window()
    listing.take(window, [dated(9_000 + n) for n in range(window.per_page)])
    listing.failed(listing.next_window())
    end = listing.resume_point.end
    assert listing.next_window().limit > end > listing.next_window().offset


def test_a_resumed_listing_that_has_come_to_the_end_goes_on_at_the_head_if_it_is_stopped() -> None:
    listing = left_at(60, (60,))
    follow(listing, still(range(1, 71)), requests=2)
    assert listing.state is Reading.GOING_ON
    assert listing.resume_point == ResumePoint(at_head=True)


@pytest.mark.parametrize(
    ("rows", "clamp", "left_out", "why"),
    [
        (12, 2, 0, "the pages are too small to show that they join up"),
        (90, 30, 40, "a page in the middle came back short: the remote left records out"),
    ],
)
def test_why_a_list_cannot_be_called_complete(
    rows: int, clamp: int, left_out: int, why: str
) -> None:
    def remote(window: Window) -> Sequence[int]:
        size = min(clamp, window.per_page)
        start = (window.page - 1) * size
        return [row for row in range(start + 1, min(start + size, rows) + 1) if row != left_out]

    listing = Listing()
    follow(listing, remote)
    assert (listing.state, listing.why_abandoned) == (Reading.ABANDONED, why)


def way(listing: Listing, rows: Sequence[int], poison: int) -> list[tuple[int, int, int]]:
    """Page and size of each window, and to where the listing could go on behind it."""
    steps = []
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        answer = rows[window.offset : window.limit]
        if poison in answer:
            listing.failed(window)
        else:
            listing.take(window, [dated(row) for row in answer])
        steps.append((window.page, window.per_page, listing.resume_point.end))
    return steps


HUNDRED = list(range(1, 101))
AT_50 = HoleRecord(position=50, before_id=49, after_id=51)


def test_the_way_around_a_hole_and_no_going_on_from_where_nothing_is_proven() -> None:
    steps = way(Listing(), HUNDRED, 50)
    assert [end for _, _, end in steps[:10]] == [30, 30, 32, 35, 36, 40, 42, 45, 48, 48]
    assert {end for _, _, end in steps[9:19]} == {48}, "until the proofs are done"
    assert steps[19:] == [(3, 29, 87), (4, 28, 100), (4, 30, 100)]


def test_the_way_around_a_hole_at_the_head_ends_with_the_proof_of_the_row_behind_it() -> None:
    steps = way(Listing(), HUNDRED[:40], 1)
    ones, proofs = steps[2:7], steps[17:22]
    assert [(page, size) for page, size, _ in ones] == [(n, 1) for n in range(1, 6)]
    assert [(page, size) for page, size, _ in proofs] == [(n, 1) for n in range(1, 6)]
    assert steps[22:] == [(2, 29, 40), (5, 9, 40)]
    assert {end for _, _, end in steps[:22]} == {0}


def test_a_known_hole_is_stepped_over() -> None:
    assert way(Listing(holes=[AT_50]), HUNDRED, 50) == [
        (1, 30, 30),
        (2, 24, 48),
        (7, 7, 49),
        (3, 25, 75),
        (4, 24, 96),
        (4, 30, 100),
        (4, 30, 100),
    ]


def test_a_known_hole_that_has_moved_down_is_met_where_its_neighbour_is() -> None:
    steps = way(Listing(holes=[AT_50]), [901, 902, 903, *HUNDRED], 50)
    assert [(page, size) for page, size, _ in steps] == [
        *[(1, 30), (2, 24), (7, 7), (3, 24), (13, 4), (54, 1), (19, 3), (12, 5), (13, 5)],
        *[(17, 4), (14, 5), (18, 4), (54, 1), (19, 3), (60, 1), (13, 5), (4, 23), (4, 30), (5, 25)],
    ]


def test_an_outage_of_the_list_is_one_although_all_above_it_is_known() -> None:
    five = [HoleRecord(position=41 + n, before_id=40, after_id=46, rank=n) for n in range(5)]
    listing = Listing(incremental=True, before=START, holes=five)
    for _ in range(2):
        window = listing.next_window()
        held = range(window.offset + 1, window.limit + 1)
        listing.take(window, [dated(row, known=True) for row in held])
    assert listing.state is Reading.REFUSED


def test_rows_behind_one_without_an_id_show_the_overlap_too() -> None:
    listing = Listing()
    first = listing.next_window()
    with_a_gap = [dated(row)._replace(id=None if row == 10 else row) for row in range(1, 31)]
    assert listing.take(first, with_a_gap) == tuple(range(30)), "a row without an id is stored too"
    second = listing.next_window()
    taken = listing.take(second, [dated(row) for row in range(30, 30 + second.per_page)])
    assert len(taken) == second.per_page - 1, "all but the overlap"


def test_behind_a_hole_a_row_is_read_before_the_proofs() -> None:
    """The hole is the last row of the stretch that failed."""
    steps = [(page, size) for page, size, _ in way(Listing(), HUNDRED[:70], 30)]
    hole = steps.index((30, 1))
    assert steps[hole + 1] == (2, 30), "the row behind it"
    assert (30, 1) in steps[hole + 2 :], "and then the proof that it still fails"


def test_rows_without_an_id_above_a_hole_are_no_proof_but_the_row_behind_it_is() -> None:
    rows = list(range(1, 41))
    listing, asked = Listing(), []
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        asked.append((window.page, window.per_page))
        answer = rows[window.offset : window.limit]
        if 3 in answer:
            listing.failed(window)
        else:
            listing.take(window, [dated(row) for row in answer])
    assert listing.state is Reading.COMPLETE
    assert asked[-6:] == [(2, 1), (3, 1), (4, 1), (5, 1), (2, 29), (5, 9)]


def test_a_list_begun_anew_that_does_not_advance_is_given_up_as_well() -> None:
    listing = Listing()
    follow(listing, restless(), requests=4)
    follow(listing, lambda window: range(1, window.per_page + 1), requests=50)
    assert listing.why_abandoned == "the list does not advance from page to page"


def test_a_listing_that_was_stopped_in_its_head_part_goes_on_from_there() -> None:
    for end in (1, 30):
        point = ResumePoint(at_head=True, end=end, tail=(end,), tail_at=end - 1)
        listing = Listing(resume=point, already_read=range(1, 100), before=START)
        assert (listing.resume_point.at_head, listing.resume_point.end) == (False, end)
    at_head = Listing(resume=ResumePoint(at_head=True), already_read=range(1, 100), before=START)
    assert at_head.resume_point.at_head
    assert at_head.why_abandoned == ""


def test_after_a_window_that_joins_up_six_steps_back_are_allowed_again() -> None:
    listing = left_at(20_000, (20_000,))
    follow(listing, restless(), requests=1)
    follow(listing, still(range(1, 40_001)), requests=2)
    assert follow(listing, restless(), requests=8).index((1, 30)) == 7


def test_after_a_step_back_windows_are_announced_from_the_start() -> None:
    listing = read_some()
    follow(listing, restless(), requests=1)
    follow(listing, still(range(1, 2_000)), requests=1)
    assert listing.coming(9) == ()
    follow(listing, still(range(1, 2_000)), requests=1)
    assert len(listing.coming(9)) == 1


def test_small_pages_of_known_rows_join_up_at_the_end() -> None:
    listing = Listing(incremental=True, before=START)
    listing.take(listing.next_window(), [dated(1, known=True), dated(2, known=True)])
    listing.take(listing.next_window(), [])
    assert listing.state is Reading.JOINED


def test_a_full_page_of_overlap_alone_is_not_the_end() -> None:
    point = ResumePoint(end=64, tail=(61, 62, 63, 64), tail_at=63, largest_allowed=4)
    listing = Listing(resume=point, already_read=range(1, 65), before=START)
    assert follow(listing, restless(), requests=1) == [(22, 3)]
    assert follow(listing, still(range(1, 101)), requests=1) == [(16, 4)]
    assert follow(listing, still(range(1, 101)), requests=1) == [(22, 3)], "it reads on"


def test_a_row_where_a_known_hole_stood_is_read() -> None:
    rows = [*range(1, 50), 888, 777, *range(51, 101)]
    listing, got = Listing(holes=[AT_50]), set[int]()
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        answer = rows[window.offset : window.limit]
        got |= {answer[n] for n in listing.take(window, [dated(row) for row in answer])}
    assert got == set(rows)
