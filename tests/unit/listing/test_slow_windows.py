"""Windows that are too slow are asked for in fewer rows, and the list is read all the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.listing.listing import Listing, Reading
from rules.listing.splitting import next_smaller
from rules.listing.windows import Window
from tests.unit.listing.test_listing import answer


def read_slowly(count: int, quick: int) -> tuple[Listing, list[int | None], list[int]]:
    """Read a list that gives so many rows in time; the sizes asked for, those too slow negative."""
    rows, listing = list(range(1, count + 1)), Listing()
    got: list[int | None] = []
    sizes: list[int] = []
    while listing.state is Reading.GOING_ON:
        assert len(sizes) < 20 + 2 * count, "no end"
        window = listing.next_window()
        seen = answer(rows, window)
        if len(seen) > quick and listing.may_be_smaller(window):
            listing.too_slow(window)
            sizes.append(-window.per_page)
            continue
        assert len(seen) <= quick, f"{window} cannot be asked for in fewer rows"
        sizes.append(window.per_page)
        got += [seen[i].id for i in listing.take(window, seen)]
    return listing, got, sizes


def test_thirty_rows_then_ten_then_five() -> None:
    assert next_smaller(Window(page=1, per_page=30)) == 10
    assert next_smaller(Window(page=1, per_page=11)) == 10
    assert next_smaller(Window(page=1, per_page=10)) == 5
    assert next_smaller(Window(page=1, per_page=6)) == 5
    assert next_smaller(Window(page=1, per_page=5)) is None


@pytest.mark.parametrize(("quick", "slow"), [(30, []), (10, [-30]), (5, [-30, -10])])
def test_what_is_learned_stays_for_the_rest_of_the_listing(quick: int, slow: list[int]) -> None:
    listing, got, sizes = read_slowly(200, quick)
    assert listing.state is Reading.COMPLETE
    assert got == list(range(1, 201))
    assert [size for size in sizes if size < 0] == slow


@given(count=st.integers(0, 300), quick=st.integers(5, 30))
def test_every_row_is_read_once_however_few_are_quick_enough(count: int, quick: int) -> None:
    listing, got, sizes = read_slowly(count, quick)
    assert listing.state is Reading.COMPLETE
    assert got == list(range(1, count + 1))
    assert sum(size < 0 for size in sizes) <= 2


@given(first=st.integers(1, 20), quick=st.sampled_from([5, 10]))
def test_only_the_rows_from_some_place_on_are_slow(first: int, quick: int) -> None:
    rows, listing, got = list(range(1, 301)), Listing(), []
    for _ in range(1000):
        if listing.state is not Reading.GOING_ON:
            break
        window = listing.next_window()
        if window.limit > 10 * first and window.per_page > quick:
            assert listing.may_be_smaller(window), window
            listing.too_slow(window)
            continue
        seen = answer(rows, window)
        got += [seen[i].id for i in listing.take(window, seen)]
    assert (listing.state, got) == (Reading.COMPLETE, rows)


def test_windows_read_ahead_are_no_larger_than_what_is_quick_enough() -> None:
    rows, listing = list(range(1, 1001)), Listing()
    listing.too_slow(listing.next_window())
    for _ in range(20):
        window = listing.next_window()
        listing.take(window, answer(rows, window))
    coming = listing.coming(5)
    assert coming
    assert max(window.per_page for window in coming) <= 10


def test_slow_is_no_hole() -> None:
    listing = Listing()
    for _ in range(2):
        listing.too_slow(listing.next_window())
    window = listing.next_window()
    assert window.per_page == 5
    assert not listing.may_be_smaller(window)
    assert listing.take_holes() == ()


def test_what_is_read_again_as_proof_is_not_asked_for_in_fewer_rows() -> None:
    """Pages of two rows never overlap: their last one has to be just as it was."""
    rows, listing = list(range(1, 5)), Listing()
    for _ in range(20):
        window = listing.next_window()
        if listing.is_reading_on:
            listing.take(window, answer(rows, window, clamp=2))
        else:
            assert not listing.may_be_smaller(Window(page=1, per_page=30))
            return
    pytest.fail("nothing was read again")
