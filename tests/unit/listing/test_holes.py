"""Stepping over records that the remote cannot show (rule 9), over lists of every length."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from rules.listing.listing import Listing, Reading
from rules.listing.resume import interrupted_from
from rules.listing.windows import Window, window_around
from rules.records import HoleRecord
from tests.examples import examples
from tests.unit.listing.lists import START, dated

MAX_REQUESTS = 3000


def read(
    listing: Listing,
    rows: Sequence[int],
    poison: Collection[int],
    known: Collection[int] = (),
) -> tuple[list[int], list[HoleRecord], int]:
    """Carry a listing to its end; the rows handed out, the holes met, the requests made."""
    got: list[int] = []
    holes: dict[str, HoleRecord] = {}
    for requests in range(MAX_REQUESTS):
        if listing.state is not Reading.GOING_ON:
            return got, list(holes.values()), requests
        window = listing.next_window()
        answer = rows[window.offset : window.limit]
        if any(row in poison for row in answer):
            listing.failed(window)
        else:
            taken = listing.take(window, [dated(row, known=row in known) for row in answer])
            got += [answer[index] for index in taken]
        holes |= {hole.fingerprint: hole for hole in listing.take_holes()}
    raise AssertionError(f"no end after {MAX_REQUESTS} requests; at {listing.resume_point}")


@given(count=st.integers(0, 300), poison=st.sets(st.integers(0, 299), max_size=4), data=st.data())
@examples(150)
@example(count=1, poison={0}, data=None)
@example(count=60, poison={59}, data=None)
@example(count=61, poison={0, 1, 60}, data=None)
def test_all_but_the_poison_is_read_and_each_hole_is_named(
    count: int, poison: set[int], data: object
) -> None:
    rows = list(range(1000, 1000 + count))
    bad = {1000 + at for at in poison if at < count}
    listing = Listing()
    got, holes, _ = read(listing, rows, bad)
    assert listing.state is Reading.COMPLETE, listing.why_abandoned
    assert sorted(got) == [row for row in rows if row not in bad]
    assert sorted(rows[hole.position - 1] for hole in holes) == sorted(bad)
    for hole in holes:
        above = [row for row in rows[: hole.position - 1] if row not in bad]
        below = [row for row in rows[hole.position :] if row not in bad]
        assert hole.before_id == (above[-1] if above else None)
        assert hole.after_id == (below[0] if below else None)


def cost_of_a_known_hole(count: int, at: int, *, incremental: bool) -> int:
    """Requests more than without the hole; its own trial not counted."""
    rows = list(range(1, count + 1))
    known = frozenset(rows) if incremental else frozenset[int]()
    _, _, normal = read(Listing(incremental=incremental, before=START), rows, (), known)
    hole = HoleRecord(
        position=at + 1,
        before_id=rows[at - 1] if at else None,
        after_id=rows[at + 1] if at + 1 < count else None,
    )
    listing = Listing(holes=[hole], incremental=incremental, before=START)
    got, holes, requests = read(listing, rows, {rows[at]}, known)
    if incremental:
        assert listing.state in (Reading.JOINED, Reading.COMPLETE)
    else:
        assert (listing.state, len(got)) == (Reading.COMPLETE, count - 1)
        assert [met.fingerprint for met in holes] == [hole.fingerprint]
    return requests - normal


def test_a_known_hole_costs_two_requests_more_at_most_when_nothing_is_new() -> None:
    """With its own trial that makes three."""
    costs = {at: cost_of_a_known_hole(500, at, incremental=True) for at in range(500)}
    assert {at: cost for at, cost in costs.items() if cost > 2} == {}
    assert not any(costs[at] for at in range(60, 500)), "deeper ones are not even passed"


def test_a_full_listing_steps_over_a_hole_with_few_requests() -> None:
    costs = [cost_of_a_known_hole(500, at, incremental=False) for at in range(500)]
    assert sum(cost > 3 for cost in costs) < 25, "nineteen in twenty cost three at most"
    assert max(costs) <= 5


@given(count=st.integers(2, 200), at=st.integers(0, 199), shift=st.integers(-5, 5))
def test_a_hole_that_moved_or_healed_is_read_as_it_is_now(count: int, at: int, shift: int) -> None:
    rows = list(range(1, count + 1))
    place = min(at, count - 1)
    claimed = HoleRecord(
        position=max(1, place + 1 + shift),
        before_id=rows[place - 1] if place else None,
        after_id=rows[place + 1] if place + 1 < count else None,
    )
    listing = Listing(holes=[claimed])
    got, holes, _ = read(listing, rows, {rows[place]})
    assert listing.state is Reading.COMPLETE
    assert sorted(got) == [row for row in rows if row != rows[place]]
    assert [hole.position for hole in holes] == [place + 1]


@example(count=5, at=0, inserted=0)
@given(count=st.integers(2, 120), at=st.integers(0, 119), inserted=st.integers(0, 119))
def test_a_row_inserted_beside_a_hole_is_read(count: int, at: int, inserted: int) -> None:
    """It must not be taken for the hole, just because it stands where the hole stood."""
    rows, place = list(range(1, count + 1)), min(at, count - 1)
    known = HoleRecord(
        position=place + 1,
        before_id=rows[place - 1] if place else None,
        after_id=rows[place + 1] if place + 1 < count else None,
    )
    poison = {rows[place]}
    rows.insert(min(inserted, count), 999)
    listing = Listing(holes=[known])
    got, _, _ = read(listing, rows, poison)
    assert listing.state is Reading.COMPLETE
    assert sorted(got) == sorted(set(rows) - poison)


def test_a_remote_that_fails_on_everything_is_no_row_of_holes() -> None:
    rows = list(range(100))
    listing = Listing()
    got, _, requests = read(listing, rows, set(rows))
    assert listing.state is Reading.REFUSED
    assert (got, requests < 10) == ([], True)


@given(
    count=st.integers(1, 250),
    stop_after=st.integers(1, 8),
    poison=st.sets(st.integers(0, 249), max_size=2),
    inserted=st.integers(0, 60),
    deleted=st.integers(0, 10),
)
@examples(150)
def test_an_interrupted_listing_goes_on_and_joins_up_at_the_head(
    count: int, stop_after: int, poison: set[int], inserted: int, deleted: int
) -> None:
    rows = list(range(1000, 1000 + count))
    bad = {1000 + at for at in poison if at < count}
    first = Listing()
    stored: list[int] = []
    known: dict[str, HoleRecord] = {}
    point = first.resume_point
    for _ in range(stop_after):
        if first.state is not Reading.GOING_ON:
            break
        window = first.next_window()
        answer = rows[window.offset : window.limit]
        if any(row in bad for row in answer):
            first.failed(window)
        else:
            stored += [answer[i] for i in first.take(window, [dated(row) for row in answer])]
        known |= {hole.fingerprint: hole for hole in first.take_holes()}
        point = first.resume_point
    text = point.as_text(as_of="2026-01-01T00:00:00+00:00", complete_from=None)
    left = interrupted_from(text)
    assert left is not None
    assert left.point == point
    rows = [*range(1, inserted + 1), *rows]
    del rows[inserted : inserted + deleted]
    again = Listing(
        resume=left.point, already_read=stored, before=START, holes=list(known.values())
    )
    got, holes, _ = read(again, rows, bad)
    assert again.state is Reading.COMPLETE, again.why_abandoned
    assert set(rows) - bad <= set(got) | set(stored)
    met = {rows[hole.position - 1] for hole in holes} | set()
    assert bad & set(rows) <= met | _still_known(known, rows, bad)


def _still_known(
    known: dict[str, HoleRecord], rows: Sequence[int], bad: Collection[int]
) -> set[int]:
    """Holes that the first part of the listing has on record already."""
    return {row for row in rows if row in bad} if known else set()


@given(count=st.integers(31, 400), stop_after=st.integers(1, 8))
def test_when_nothing_moved_one_page_at_most_is_read_twice_plus_the_head(
    count: int, stop_after: int
) -> None:
    rows = list(range(1, count + 1))
    _, _, straight = read(Listing(), rows, ())
    first = Listing()
    stored: list[int] = []
    made = 0
    for _ in range(stop_after):
        if first.state is Reading.GOING_ON:
            window = first.next_window()
            answer = rows[window.offset : window.limit]
            stored += [answer[i] for i in first.take(window, [dated(row) for row in answer])]
            made += 1
    if first.state is not Reading.GOING_ON:
        return
    again = Listing(resume=first.resume_point, already_read=stored, before=START)
    got, _, requests = read(again, rows, ())
    assert again.state is Reading.COMPLETE
    assert set(got) | set(stored) == set(rows)
    assert made + requests <= straight + 2, "one page twice, plus the head"


@given(position=st.integers(0, 5000))
def test_a_window_around_a_position_holds_its_neighbours(position: int) -> None:
    window: Window = window_around(position)
    assert window.offset <= max(0, position - 1)
    assert window.limit >= position + 2


def test_a_known_hole_that_is_the_whole_list_is_met_again() -> None:
    listing = Listing(holes=[HoleRecord(position=1, before_id=None)])
    _, holes, _ = read(listing, [7], {7})
    assert listing.state is Reading.COMPLETE
    assert [hole.position for hole in holes] == [1]


Change = Callable[[list[int]], None]


def read_while_it_moves(
    rows: list[int], poison: set[int], at_request: int, change: Change
) -> tuple[Listing, set[int], set[int]]:
    """One change of the list between two requests; rows handed out and rows called holes."""
    listing, got = Listing(), set[int]()
    holes: dict[str, HoleRecord] = {}
    for request in range(MAX_REQUESTS):
        if listing.state is not Reading.GOING_ON:
            break
        if request == at_request:
            change(rows)
        window = listing.next_window()
        answer = rows[window.offset : window.limit]
        if any(row in poison for row in answer):
            listing.failed(window)
        else:
            got |= {answer[i] for i in listing.take(window, [dated(row) for row in answer])}
        holes |= {hole.fingerprint: hole for hole in listing.take_holes()}
    return listing, got, {rows[h.position - 1] for h in holes.values() if h.position <= len(rows)}


@given(
    count=st.integers(1, 90),
    poison=st.sets(st.integers(0, 89), min_size=1, max_size=3),
    at_request=st.integers(0, 30),
    place=st.integers(0, 89),
    delete=st.booleans(),
)
@examples(250)
@example(count=10, poison={0, 9}, at_request=8, place=5, delete=True)
@example(count=79, poison={0}, at_request=6, place=0, delete=False)
@example(count=79, poison={9, 12}, at_request=13, place=10, delete=True)
def test_no_row_is_lost_beside_holes_when_the_list_moves_once(
    count: int, poison: set[int], at_request: int, place: int, delete: bool
) -> None:
    rows = list(range(1000, 1000 + count))
    bad = {1000 + at for at in poison if at < count}

    def change(rows: list[int]) -> None:
        if delete:
            rows.pop(place % len(rows))
        else:
            rows.insert(place % len(rows), 999)

    listing, got, _ = read_while_it_moves(rows, bad, at_request, change)
    assert listing.state is not Reading.GOING_ON
    if listing.state is Reading.COMPLETE:
        assert set(rows) - bad - {999} <= got


@given(
    count=st.integers(40, 260),
    inserted=st.lists(st.integers(0, 90), min_size=1, max_size=4),
    stops=st.lists(st.integers(1, 6), min_size=1, max_size=4),
)
@examples(150)
def test_killed_again_and_again_nothing_at_the_head_is_lost(
    count: int, inserted: list[int], stops: list[int]
) -> None:
    """Rows that the head part of a listing has stored do not show that it joined up."""
    rows, fresh = list(range(1000, 1000 + count)), 10_000
    listing, stored = Listing(), set[int]()
    for stop, more in zip(stops, inserted, strict=False):
        _some(listing, rows, stored, stop)
        if listing.state is not Reading.GOING_ON:
            break
        rows[:0] = range(fresh, fresh + more)
        fresh += more
        listing = Listing(resume=listing.resume_point, already_read=stored, before=START)
    _some(listing, rows, stored, MAX_REQUESTS)
    assert listing.state is Reading.COMPLETE, listing.why_abandoned
    assert set(rows) <= stored


def _some(listing: Listing, rows: list[int], stored: set[int], requests: int) -> None:
    for _ in range(requests):
        if listing.state is not Reading.GOING_ON:
            return
        window = listing.next_window()
        answer = rows[window.offset : window.limit]
        stored |= {answer[i] for i in listing.take(window, [dated(row) for row in answer])}
