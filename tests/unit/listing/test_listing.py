"""Contiguity by overlap, against a list that moves while it is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.listing.listing import Listing, Reading
from rules.listing.stops import Seen
from rules.listing.windows import LARGEST_WINDOW, Window, overlapping_window
from tests.examples import examples

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def answer(rows: list[int], window: Window, clamp: int | None = None) -> list[Seen]:
    """What a remote that holds `rows` answers; a row's end is older the further down it stands."""
    size = min(window.per_page, clamp or window.per_page)
    start = (window.page - 1) * size
    return [
        Seen(id=row, end_at=EPOCH - timedelta(hours=start + i))
        for i, row in enumerate(rows[start : start + size])
    ]


def read_all(rows: list[int], *, clamp: int | None = None) -> tuple[Listing, list[int | None], int]:
    """Read a list that stands still; returns the listing, the ids handed out, the requests."""
    listing, got, requests = Listing(), [], 0
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        seen = answer(rows, window, clamp)
        got += [seen[i].id for i in listing.take(window, seen)]
        requests += 1
        assert requests < 20 + len(rows), f"no end after {requests} requests"
    return listing, got, requests


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 29, 30, 31, 59, 60, 61, 500])
def test_every_row_of_a_still_list_is_read_once(count: int) -> None:
    rows = list(range(1, count + 1))
    listing, got, _ = read_all(rows)
    assert listing.state is Reading.COMPLETE
    assert got == rows


@given(count=st.integers(0, 400), clamp=st.integers(7, 40))
def test_a_server_that_clamps_the_page_size_is_read_to_its_end(count: int, clamp: int) -> None:
    listing, got, _ = read_all(list(range(1, count + 1)), clamp=clamp)
    assert (listing.state, len(got)) == (Reading.COMPLETE, count)


@pytest.mark.parametrize("clamp", [3, 4, 5])
def test_small_pages_are_proven_by_reading_a_row_before_them_again(clamp: int) -> None:
    listing, got, _ = read_all(list(range(1, 200)), clamp=clamp)
    assert (listing.state, got) == (Reading.COMPLETE, list(range(1, 200)))


@pytest.mark.parametrize("clamp", [1, 2])
def test_pages_too_small_to_overlap_are_never_called_complete(clamp: int) -> None:
    listing, got, _ = read_all(list(range(1, 13)), clamp=clamp)
    assert listing.state is Reading.ABANDONED
    assert "too small" in listing.why_abandoned
    assert got == list(range(1, 13)), "what was read is still handed out"


@given(count=st.integers(31, 300), left_out=st.integers(31, 300))
def test_a_record_left_out_of_a_page_is_no_end_and_no_completeness(
    count: int, left_out: int
) -> None:
    """The remote drops a record from whatever window holds it; the rows behind it are read."""
    rows, listing, got = list(range(1, count + 1)), Listing(), []
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        seen = [row for row in answer(rows, window) if row.id != left_out]
        got += [seen[i].id for i in listing.take(window, seen)]
    assert got == [row for row in rows if row != left_out]
    if left_out <= count - LARGEST_WINDOW:  # in the last page nobody can know
        assert listing.state is Reading.ABANDONED
        assert "left records out" in listing.why_abandoned


def test_overlap_costs_few_requests() -> None:
    _, _, requests = read_all(list(range(20_000)))
    assert requests <= 1.1 * 20_000 / 25, f"{requests} requests, over 10 % above fixed pages of 25"


def test_a_window_always_overlaps_and_reaches_beyond() -> None:
    windows = {end: overlapping_window(end, 1, LARGEST_WINDOW) for end in range(1, 20_001)}
    wrong = [e for e, w in windows.items() if w is None or not w.offset < e < w.limit]
    assert wrong == []


Move = tuple[str, int]
moves = st.lists(
    st.lists(st.tuples(st.sampled_from(["insert", "delete"]), st.integers(0, 10_000)), max_size=6),
    max_size=12,
)


@examples(300)
@given(count=st.integers(0, 200), rounds=moves)
def test_a_complete_listing_misses_no_row_that_was_there_all_along(
    count: int, rounds: list[list[Move]]
) -> None:
    """Rows are inserted at the head and deleted anywhere between any two requests."""
    rows = list(range(1, count + 1))
    stayed, fresh_id = set(rows), 100_000
    listing, got = Listing(), []
    for step in range(200):
        if listing.state is not Reading.GOING_ON:
            break
        window = listing.next_window()
        seen = answer(rows, window)
        got += [seen[i].id for i in listing.take(window, seen)]
        for action, where in rounds[step] if step < len(rounds) else []:
            if action == "insert":
                fresh_id += 1
                rows.insert(0, fresh_id)
            elif rows:
                stayed.discard(rows.pop(where % len(rows)))
    assert listing.state is not Reading.GOING_ON, "the listing did not end"
    assert len(got) == len(set(got)), "a row was handed out twice"
    if listing.state is Reading.COMPLETE:
        assert stayed <= set(got), f"missed {sorted(stayed - set(got))[:5]}"


def test_rows_deleted_above_make_the_reader_step_back() -> None:
    rows = list(range(1, 101))
    listing, got = Listing(), []
    window = listing.next_window()
    first = answer(rows, window)
    got += [first[i].id for i in listing.take(window, first)]
    del rows[:10]
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        seen = answer(rows, window)
        got += [seen[i].id for i in listing.take(window, seen)]
    assert got == list(range(1, 101))


@pytest.mark.parametrize("count", [*range(1, 31), 89, 99, 49, 51])
def test_a_remote_that_ignores_paging_is_complete_where_it_cannot_have_been_cut(count: int) -> None:
    rows = answer(list(range(1, count + 1)), Window(page=1, per_page=1_000))
    listing, got, requests = Listing(), 0, 0
    while listing.state is Reading.GOING_ON and requests < 9:
        got += len(listing.take(listing.next_window(), rows))
        requests += 1
    assert (got, requests) == (count, 2 if count > 2 else 3), (
        "a clamp of two looks the same at first"
    )
    if count % 25 and count != LARGEST_WINDOW:
        assert listing.state is Reading.COMPLETE
    else:
        assert listing.why_abandoned == "paging is ignored, the answer may be cut"


@pytest.mark.parametrize("count", [50, 75, 100, 101, 150, 1_000])
def test_of_a_hundred_rows_or_full_pages_nobody_knows_whether_they_are_all(count: int) -> None:
    rows = answer(list(range(1, count + 1)), Window(page=1, per_page=1_000))
    listing = Listing()
    for _ in range(2):
        listing.take(listing.next_window(), rows)
    assert listing.why_abandoned == "paging is ignored, the answer may be cut"


@pytest.mark.parametrize("clamp", [1, 2])
def test_a_server_of_tiny_pages_does_not_ignore_paging(clamp: int) -> None:
    """A row that came up above makes its second page say what the first one said."""
    rows, listing = list(range(1, 61)), Listing()
    listing.take(listing.next_window(), answer(rows, Window(page=1, per_page=clamp)))
    rows[:0] = range(900, 900 + clamp)
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        size = min(clamp, window.per_page)
        listing.take(window, answer(rows, Window(page=window.page, per_page=size)))
    assert listing.state is Reading.ABANDONED


def test_a_remote_that_begins_to_repeat_itself_further_down_is_not_read_for_ever() -> None:
    rows, listing = list(range(1, 200)), Listing()
    for _ in range(3):
        window = listing.next_window()
        last = answer(rows, window)
        listing.take(window, last)
    for _ in range(20):
        if listing.state is not Reading.GOING_ON:
            break
        listing.take(listing.next_window(), last)
    assert listing.state is Reading.ABANDONED


def test_since_stops_below_its_instant_and_only_in_an_ordered_list() -> None:
    rows = list(range(1, 301))
    listing, requests = Listing(since=EPOCH - timedelta(hours=40)), 0
    while listing.state is Reading.GOING_ON:
        window = listing.next_window()
        listing.take(window, answer(rows, window))
        requests += 1
    assert (listing.state, requests) == (Reading.COMPLETE, 3)

    unordered = Listing(since=EPOCH)
    window = unordered.next_window()
    old = EPOCH - timedelta(days=9)
    unordered.take(
        window, [Seen(id=i, end_at=old + timedelta(hours=i)) for i in range(1, window.per_page + 1)]
    )
    assert unordered.state is Reading.GOING_ON
    assert not unordered.ordered


def test_rows_without_a_usable_id_are_handed_out_and_do_not_break_the_listing() -> None:
    listing = Listing()
    window = listing.next_window()
    rows = [Seen(id=None if i % 5 == 0 else i) for i in range(1, window.per_page + 1)]
    assert len(listing.take(window, rows)) == window.per_page
    assert listing.state is Reading.GOING_ON


def test_the_resume_point_says_whether_the_list_was_in_order() -> None:
    listing = Listing()
    window = listing.next_window()
    ends = [EPOCH + timedelta(hours=row) for row in range(window.per_page)]  # the oldest first
    listing.take(window, [Seen(id=row + 1, end_at=end) for row, end in enumerate(ends)])
    assert not listing.resume_point.ordered
