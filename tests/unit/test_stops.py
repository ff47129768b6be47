"""Where a listing may stop early, and the order without which it may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rules.stops import Seen, Stops

NOW = datetime(2026, 5, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stops(*, since: datetime | None = None, incremental: bool = True) -> Stops:
    return Stops(since=since, incremental=incremental, ordered=True)


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
        ([(1, None, 2)], True),
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


def known(count: int) -> list[Seen]:
    return [Seen(id=n, known=True) for n in range(count)]


def test_it_joins_up_with_the_page_after_a_page_of_known_rows() -> None:
    found = stops()
    assert not found.has_joined_up(known(3), page=5)
    assert not found.has_joined_up(known(2), page=5), "these five are the page"
    assert found.has_joined_up(known(1), page=5), "and this is the safety page"


def test_known_rows_before_an_unknown_one_do_not_count() -> None:
    found = stops()
    assert not found.has_joined_up(known(5), page=5)
    assert not found.has_joined_up([*known(4), Seen(id=9)], page=5)
    assert not found.has_joined_up(known(4), page=5)
    assert not found.has_joined_up(known(1), page=5), "the fifth since"
    assert found.has_joined_up(known(1), page=5)


def test_beginning_again_forgets_what_was_known() -> None:
    found = stops()
    found.note(rows(1))
    found.has_joined_up(known(4), page=5)
    found.begin()
    assert found.knows_all
    assert not found.has_joined_up(known(1), page=5)
    assert not found.has_joined_up(known(4), page=5)


def test_nothing_joins_up_out_of_order_or_in_a_full_listing_or_with_nothing() -> None:
    unordered = stops()
    unordered.has_joined_up(known(5), page=5)
    unordered.ordered = False
    assert unordered.has_joined_up(known(5), page=5) is False
    full = stops(incremental=False)
    full.has_joined_up(known(5), page=5)
    assert full.has_joined_up(known(5), page=5) is False
    found = stops()
    found.has_joined_up(known(5), page=5)
    assert found.has_joined_up([], page=5) is False
    assert found.has_joined_up(known(1), page=5)


def test_a_page_of_known_rows_is_a_whole_page() -> None:
    one_short = stops()
    assert not one_short.has_joined_up(rows(*range(29), known=True), page=30)
    assert not one_short.has_joined_up(rows(29, known=True), page=30), "the page itself"
    assert one_short.has_joined_up(rows(30, known=True), page=30), "and the safety page"
