"""An incremental listing stops on known rows that ended before the last one (rule 6)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rules.listing.listing import Listing, Reading
from rules.listing.stops import Seen

START = datetime(2026, 1, 1, tzinfo=UTC)


def join(
    rows: list[int],
    known: Collection[int],
    *,
    unsorted_at: int | None = None,
    still_open: int = 0,
) -> tuple[Listing, set[int], int]:
    """Read incrementally; the rows handed out and the requests made.

    So many at the head were `still_open` at the time of the listing before.
    """
    listing = Listing(
        incremental=True, before=START - timedelta(hours=still_open) + timedelta(1e-6)
    )
    got: set[int] = set()
    for requests in range(1000):
        if listing.state is not Reading.GOING_ON:
            return listing, got, requests
        window = listing.next_window()
        answer = rows[window.offset : window.limit]
        seen = [
            Seen(
                id=row,
                known=row in known,
                end_at=START - timedelta(hours=rows.index(row) if row != unsorted_at else -9),
            )
            for row in answer
        ]
        got |= {answer[index] for index in listing.take(window, seen)}
    raise AssertionError("the listing does not end")


def test_nothing_new_costs_one_request() -> None:
    rows = list(range(1, 501))
    listing, _, requests = join(rows, set(rows))
    assert (listing.state, requests) == (Reading.JOINED, 1)


@given(count=st.integers(0, 60), still_open=st.integers(0, 60))
def test_a_small_product_costs_what_a_full_listing_of_it_does_at_most(
    count: int, still_open: int
) -> None:
    rows = list(range(1, count + 1))
    listing, got, requests = join(rows, set(rows), still_open=still_open)
    assert got == set(rows[: len(got)])
    assert listing.state in (Reading.COMPLETE, Reading.JOINED)
    assert requests <= 2 + (count > 30) + (count > 58)


@given(still_open=st.integers(0, 200), at=st.integers(0, 200))
def test_a_new_short_test_below_long_ones_is_found(still_open: int, at: int) -> None:
    """It ends after the listing before, as all do that are made since; it may end first of all."""
    rows = list(range(1, 501))
    new = rows[min(at, still_open)]
    listing, got, _ = join(rows, set(rows) - {new}, still_open=still_open + 1)
    assert listing.state is Reading.JOINED
    assert new in got


def test_an_unknown_row_goes_on() -> None:
    rows = list(range(1, 501))
    listing, got, requests = join(rows, set(rows) - {25})
    assert listing.state is Reading.JOINED
    assert {25, 45} <= got
    assert requests == 2


def test_rows_that_nobody_confirmed_are_read_however_many_there_are() -> None:
    """Killed after two pages of a first sync: the rows are there, but they are not known."""
    rows = list(range(1, 501))
    listing, got, _ = join(rows, set())
    assert (listing.state, got) == (Reading.COMPLETE, set(rows))


def test_a_list_out_of_order_is_read_to_its_end() -> None:
    rows = list(range(1, 501))
    listing, got, _ = join(rows, set(rows), unsorted_at=20)
    assert (listing.state, listing.ordered, got) == (Reading.COMPLETE, False, set(rows))


@given(count=st.integers(1, 300), new=st.sets(st.integers(0, 299)))
def test_all_new_rows_above_the_stop_are_found(count: int, new: set[int]) -> None:
    rows = list(range(count))
    unknown = {row for row in new if row < count}
    listing, got, _ = join(rows, set(rows) - unknown)
    assert got == set(range(len(got))), "what was read has no gap"
    if listing.state is Reading.JOINED:
        stop = max(got)
        assert {row for row in unknown if row <= stop} <= got
        assert stop >= 29 or len(got) == count
