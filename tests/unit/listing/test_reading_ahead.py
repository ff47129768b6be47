"""Windows that are asked for before their turn: which, and that no row is lost by it."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from rules.listing.listing import Listing, Reading
from rules.listing.stops import Seen
from rules.listing.windows import Window
from rules.records import HoleRecord
from tests.examples import examples
from tests.unit.listing.lists import START, dated
from tests.unit.listing.test_listing import answer


@given(count=st.integers(0, 900), most=st.integers(1, 20))
def test_what_is_announced_is_what_is_asked_for(count: int, most: int) -> None:
    rows = list(range(1, count + 1))
    listing, full = Listing(), 0
    announced: tuple[Window, ...] = ()
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        if announced:
            assert window == announced[0]
        seen = answer(rows, window)
        listing.take(window, seen)
        full += len(seen) == window.per_page
        announced = listing.coming(most)
        assert len(announced) <= min(most, full // 2), "more is at stake than was gained"
    assert listing.coming(most) == (), "a listing that has ended announces nothing"


def test_nothing_is_announced_after_something_unexpected() -> None:
    rows = list(range(1, 900))
    listing = Listing()
    for _ in range(8):
        window = listing.next_window()
        listing.take(window, answer(rows, window))
    assert len(listing.coming(9)) == 4
    rows = rows[400:]  # what was read last is not there any more
    window = listing.next_window()
    listing.take(window, answer(rows, window))
    assert listing.coming(9) == ()


@examples(150)
@given(data=st.data(), count=st.integers(60, 260), most=st.integers(1, 8))
def test_no_row_that_stayed_is_lost_where_the_list_moves_meanwhile(
    data: st.DataObject, count: int, most: int
) -> None:
    """Rows come and go anywhere between any two requests; what is read ahead is read at once."""
    rows, stayed = list(range(1, count + 1)), set(range(1, count + 1))
    listing, got, ahead = Listing(), set[int | None](), dict[Window, list[Seen]]()
    moves = data.draw(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=25))
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        seen = ahead.pop(window, None) or answer(rows, window)
        got |= {seen[index].id for index in listing.take(window, seen)}
        ahead = {w: ahead.get(w) or answer(rows, w) for w in listing.coming(most)}
        if moves:
            comes, where = moves.pop()
            at = int(where * (len(rows) - 1))
            if comes:
                rows.insert(at, 10_000 + len(moves))
            else:
                stayed.discard(rows.pop(at))
    if listing.state is Reading.COMPLETE:
        assert stayed <= got, f"lost {sorted(stayed - got)}"


@given(
    count=st.integers(1, 400),
    poison=st.sets(st.integers(0, 399), max_size=3),
    are_known=st.booleans(),
)
@example(count=400, poison={49}, are_known=False)
@example(count=400, poison={49, 300}, are_known=True)
def test_beside_holes_too_what_is_announced_is_what_is_asked_for(
    count: int, poison: set[int], are_known: bool
) -> None:
    rows = list(range(1, count + 1))
    known = [
        HoleRecord(position=at + 1, before_id=at or None, after_id=at + 2)
        for at in sorted(poison)
        if are_known
    ]
    listing, ahead = Listing(holes=known), tuple[Window, ...]()
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        assert not ahead or window == ahead[0]
        held = rows[window.offset : window.limit]
        if any(row - 1 in poison for row in held):
            listing.failed(window)
            ahead = ()
            continue
        listing.take(window, [dated(row) for row in held])
        is_as_expected = len(held) == window.per_page and len(ahead) > 1
        ahead = ahead[1:] if is_as_expected else listing.coming(9)
    assert listing.coming(9) == ()


def test_a_listing_that_has_joined_up_announces_nothing() -> None:
    listing = Listing(incremental=True, before=START)
    window = listing.next_window()
    listing.take(window, [dated(row, known=True) for row in range(window.per_page)])
    assert listing.state is Reading.JOINED
    assert listing.coming(9) == ()


def test_after_a_failure_two_full_windows_are_needed_again() -> None:
    """Pages of two rows, whose last one is asked for again, and then fails."""
    listing = Listing()
    listing.take(listing.next_window(), [dated(1), dated(2)])
    listing.take(listing.next_window(), [])
    listing.failed(listing.next_window())
    window = listing.next_window()
    listing.take(window, [dated(row) for row in range(1, 1 + window.per_page)])
    assert window == Window(page=1, per_page=30)
    assert listing.coming(9) == ()


def take_next(listing: Listing, rows: Sequence[Seen], count: int) -> list[Window]:
    """Answer so many requests; the windows that were asked for."""
    asked = []
    for _ in range(count):
        window = listing.next_window()
        listing.take(window, rows[window.offset : window.limit])
        asked.append(window)
    return asked


def test_once_two_rows_ended_together_each_window_is_announced_with_a_row_more() -> None:
    rows = [dated(row) for row in range(900)]
    rows[1] = rows[1]._replace(end_at=rows[0].end_at)
    listing = Listing()
    take_next(listing, rows, 18)
    announced = listing.coming(9)
    assert len(announced) == 9
    assert take_next(listing, rows, 9) == list(announced)


def test_a_window_behind_a_tie_is_announced_as_one_that_begins_above_it() -> None:
    rows = [dated(row - row % 3)._replace(id=row) for row in range(900)]
    listing = Listing()
    take_next(listing, rows, 2)
    for _ in range(20):
        (announced,) = listing.coming(1)
        assert [announced] == take_next(listing, rows, 1)


def test_a_listing_that_joined_up_after_many_windows_announces_nothing() -> None:
    rows = [dated(row, known=row > 100) for row in range(900)]
    listing = Listing(incremental=True, before=START)
    while listing.state is Reading.GOING_ON:
        assert len(listing.coming(9)) <= 2
        take_next(listing, rows, 1)
    assert listing.state is Reading.JOINED
    assert listing.coming(9) == ()


def test_after_a_window_that_was_too_slow_two_full_ones_are_needed_again() -> None:
    rows = [dated(row) for row in range(900)]
    listing = Listing()
    take_next(listing, rows, 4)
    listing.too_slow(listing.next_window())
    for full in range(1, 6):
        take_next(listing, rows, 1)
        assert len(listing.coming(9)) == full // 2


def test_after_a_failure_the_windows_that_were_read_in_a_row_are_counted_anew() -> None:
    rows = [dated(row) for row in range(900)]
    listing, full = Listing(), 0
    listing.failed(listing.next_window())
    while listing.resume_point.end < 300:
        take_next(listing, rows, 1)
        full += 1
        if listing.is_reading_on:
            assert len(listing.coming(99)) == full // 2
