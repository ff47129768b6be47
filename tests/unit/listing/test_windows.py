"""Which page is asked for: it overlaps what was read, reaches furthest, and keeps its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.listing.windows import (
    LARGEST_WINDOW,
    Window,
    adjacent_window,
    overlapping_window,
    window_around,
)


def test_a_window_begins_and_ends_where_its_page_says() -> None:
    window = Window(page=3, per_page=25)
    assert (window.offset, window.limit) == (50, 75)


def best_overlap(
    end: int, need: int, largest: int, floor: int, stop: int | None, beyond: bool
) -> tuple[int, int] | None:
    """Limit and size of the window to ask for, found by looking at every window that there is."""
    start = max(floor, end - need)
    fitting = [
        (window.limit, window.per_page)
        for size in range(2, largest + 1)
        for window in (Window(page=start // size + 1, per_page=size),)
        if window.offset >= floor
        and (not beyond or window.limit > end)
        and (stop is None or window.limit <= stop)
    ]
    return max(fitting, default=None)


@given(
    end=st.integers(1, 200),
    need=st.sampled_from([1, 1, 2, 4, 16]),
    beyond=st.booleans(),
    largest=st.integers(1, 30),
    behind_floor=st.integers(0, 40),
    room=st.none() | st.integers(0, 40),
)
def test_of_all_windows_that_hold_the_row_the_one_that_reaches_furthest(
    end: int, need: int, beyond: bool, largest: int, behind_floor: int, room: int | None
) -> None:
    floor = max(0, end - behind_floor)
    stop = None if room is None else end + room
    found = overlapping_window(end, need, largest, floor=floor, stop=stop, beyond=beyond)
    expected = best_overlap(end, need, largest, floor, stop, beyond)
    assert (None if found is None else (found.limit, found.per_page)) == expected
    if found is not None:
        assert found.offset <= max(floor, end - need) < found.limit


@pytest.mark.parametrize(
    ("end", "need", "largest", "floor", "stop", "window"),
    [
        (30, 1, 30, 0, None, (2, 29)),
        (30, 4, 30, 0, None, (2, 26)),
        (30, 7, 30, 0, None, (2, 23)),
        (58, 1, 30, 0, None, (3, 28)),
        (3, 1, 30, 0, None, (1, 30)),
        (10, 1, 2, 0, None, None),
        (9, 1, 2, 0, None, (5, 2)),
        (30, 1, 30, 0, 40, (2, 20)),
        (30, 1, 30, 0, 30, None),
        (30, 1, 30, 30, None, (2, 30)),
        (31, 1, 30, 30, None, (2, 30)),
    ],
)
def test_known_windows(
    end: int, need: int, largest: int, floor: int, stop: int | None, window: tuple[int, int] | None
) -> None:
    expected = None if window is None else Window(page=window[0], per_page=window[1])
    assert overlapping_window(end, need, largest, floor=floor, stop=stop) == expected


@given(end=st.integers(0, 300), largest=st.integers(1, 30), room=st.none() | st.integers(-2, 40))
def test_an_adjacent_window_begins_just_there_and_is_the_largest_that_does(
    end: int, largest: int, room: int | None
) -> None:
    stop = None if room is None else end + room
    window = adjacent_window(end, largest, stop=stop)
    limit = largest if room is None else max(1, min(largest, room))
    assert window.offset == end
    assert window.per_page == max(size for size in range(1, limit + 1) if end % size == 0)


@given(position=st.integers(0, 5_000), without=st.sets(st.integers(-5, 5), max_size=4))
def test_a_window_around_a_row_holds_its_neighbours_and_none_of_the_others(
    position: int, without: set[int]
) -> None:
    others = {position + step for step in without if step and position + step >= 0}
    window = window_around(position, without=others)
    held = set(range(window.offset, window.limit))
    assert position in held
    assert not held & others
    neighbours = {max(0, position - 1), position + 1}
    assert neighbours <= held or (others and window.per_page == 1)


@pytest.mark.parametrize(
    ("position", "largest", "without", "window"),
    [
        (0, 30, (), (1, 30)),
        (0, 30, (5,), (1, 5)),
        (0, 30, (2,), (1, 1)),
        (0, 30, (3,), (1, 3)),
        (1, 30, (), (1, 30)),
        (29, 30, (), (2, 28)),
        (30, 30, (), (2, 29)),
        (30, 30, (29,), (31, 1)),
        (30, 30, (58,), (2, 29)),
        (30, 30, (57,), (2, 28)),
        (30, 30, (28,), (2, 29)),
        (5, 3, (), (1, 7)),
        (4, 3, (), (2, 3)),
        (1, 2, (), (1, 3)),
        (4, 3, (9,), (2, 3)),
        (5, 3, (99,), (6, 1)),
    ],
)
def test_known_windows_around_a_row(
    position: int, largest: int, without: tuple[int, ...], window: tuple[int, int]
) -> None:
    found = window_around(position, largest, without=without)
    assert (found.page, found.per_page) == window


def test_the_largest_window_is_what_is_asked_for_at_first() -> None:
    assert window_around(0).per_page == LARGEST_WINDOW == 30
