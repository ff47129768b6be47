"""Where a listing may stop early, and the order without which it may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rules.listing.stops import Seen, Stops

NOW = datetime(2026, 5, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stops(*, since: datetime | None = None, incremental: bool = True) -> Stops:
    return Stops(since=since, incremental=incremental, ordered=True, before=NOW)


def rows(*hours: int | None, known: bool = False) -> list[Seen]:
    """Rows that end so many hours before now."""
    ends = (None if hour is None else NOW - hour * HOUR for hour in hours)
    return [Seen(id=1, end_at=end, known=known) for end in ends]


def test_a_row_says_nothing_of_itself_unless_told() -> None:
    assert Seen(id=1) == Seen(id=1, end_at=None, known=False)


@pytest.mark.parametrize(
    ("pages", "ordered"),
    [
        ([(1, 2, 3)], True),
        ([(1, 1)], True),
        ([(2, 1)], False),
        ([(None, 1, 2)], True),
        ([(None, None), (None, 2)], True),
        ([(1, None, 2)], False),
        ([(1, 2), (None,)], False),
        ([(2, None, 1)], False),
        ([(1, 2), (3,)], True),
        ([(1, 5), (3,)], False),
        ([(2, 1), (3, 4)], False),
    ],
)
def test_the_order_is_newest_end_first_over_all_pages(
    pages: list[tuple[int | None, ...]], ordered: bool
) -> None:
    found = stops()
    for page in pages:
        found.note(rows(*page))
    assert found.ordered is ordered


def test_a_list_once_out_of_order_stays_so_when_it_is_begun_again() -> None:
    found = stops()
    found.note(rows(2, 1))
    found.begin()
    found.note(rows(1, 2))
    assert not found.ordered


def test_reading_from_the_head_again_does_not_look_out_of_order() -> None:
    found = stops()
    found.note(rows(1, 9))
    found.begin()
    found.note(rows(1, 9))
    assert found.ordered


@pytest.mark.parametrize(
    ("hours", "below"),
    [((3, 4), True), ((2, 3), False), ((1, 3), False), ((3, None), False), ((), False)],
)
def test_only_a_whole_window_below_the_date_is_below_it(
    hours: tuple[int | None, ...], below: bool
) -> None:
    found = stops(since=NOW - 2 * HOUR, incremental=False)
    assert found.is_below_since(rows(*hours)) is below


def test_without_a_date_or_without_order_nothing_is_below_it() -> None:
    assert stops().is_below_since(rows(9)) is False
    unordered = stops(since=NOW)
    unordered.ordered = False
    assert unordered.is_below_since(rows(9)) is False


def test_all_is_known_while_only_known_rows_were_met_in_order_incrementally() -> None:
    found = stops()
    assert found.knows_all
    found.note(rows(1, 2, known=True))
    assert found.knows_all
    found.note([*rows(3), *rows(4, known=True)])
    assert not found.knows_all
    found.note(rows(5, known=True))
    assert not found.knows_all, "one that was not known is not forgotten"
    assert not stops(incremental=False).knows_all
    unordered = stops()
    unordered.note(rows(2, 1, known=True))
    assert not unordered.knows_all


def known(*hours: int | None) -> list[Seen]:
    return rows(*hours, known=True)


def test_known_rows_that_ended_before_the_listing_before_are_where_it_joins_up() -> None:
    assert stops().has_joined_up(known(1, 2, 3), known(1, 2, 3))
    assert stops().has_joined_up(known(1), known(1))


@pytest.mark.parametrize(
    ("hours", "settled"),
    [
        ((-9, -8, 1, 2), True),
        ((-9, -8, 1), False),
        ((-9, -8, -7, 2), False),
        ((-9, -8, 0, 1), False),
        ((1, 2, None, 4), False),
        ((None, None, 3, 4), True),
        ((), False),
    ],
)
def test_a_test_made_since_may_stand_below_rows_that_had_not_ended(
    hours: tuple[int | None, ...], settled: bool
) -> None:
    """The lower half counts, and its middle row where there is one."""
    assert stops().is_settled(known(*hours)) is settled
    assert stops().has_joined_up(known(*hours), known(*hours)) is settled


def test_sixty_known_rows_that_are_open_prove_nothing() -> None:
    assert not stops().has_joined_up(known(*range(-90, -30)), known(*range(-90, -30)))


def test_one_row_that_is_not_known_goes_on_wherever_it_stands() -> None:
    for at in range(4):
        window = known(1, 2, 3, 4)
        window[at] = window[at]._replace(known=False)
        assert not stops().has_joined_up(window, window)


def test_the_lower_half_has_to_be_new_to_the_listing() -> None:
    window = known(1, 2, 3, 4)
    assert stops().has_joined_up(window, window[2:])
    assert not stops().has_joined_up(window, window[3:])
    assert not stops().has_joined_up(window, [])
    assert not stops().has_joined_up(known(1, 2, 3), known(3)), "a third is less than half"


def test_nothing_joins_up_out_of_order_or_in_a_full_listing_or_with_no_listing_before() -> None:
    unordered = stops()
    unordered.ordered = False
    full = stops(incremental=False)
    first = Stops(since=None, incremental=True, ordered=True)
    for found in (unordered, full, first):
        assert not found.has_joined_up(known(1, 2), known(1, 2))
    assert full.is_settled(known(1, 2)), "the head part of a resumed listing asks for this alone"
