"""Where windows have to be small: 30 rows, then 5, then single ones."""

from __future__ import annotations

from rules.listing.splitting import Split
from rules.listing.windows import Window


def test_nothing_is_split_at_first() -> None:
    split = Split()
    assert split.largest(0, 30) == 30
    assert split.is_behind(0)
    assert (split.singles_from, split.is_in_singles(0)) == (0, False)


def test_single_rows_are_asked_for_from_the_first_of_a_small_window_to_its_last() -> None:
    split = Split()
    split.note_failure(Window(page=1, per_page=30))
    assert not split.is_in_singles(7), "those are read in fives"
    split.note_failure(Window(page=2, per_page=5))
    assert split.singles_from == 5
    assert [split.is_in_singles(end) for end in (4, 5, 9, 10)] == [False, True, True, False]


def test_a_large_window_that_fails_is_read_in_fives_and_those_in_ones() -> None:
    split = Split()
    split.note_failure(Window(page=2, per_page=30))
    assert [split.largest(end, 30) for end in (30, 59, 60)] == [5, 5, 30]
    assert [split.is_behind(end) for end in (30, 59, 60)] == [False, False, True]
    split.note_failure(Window(page=7, per_page=5))
    assert [split.largest(end, 30) for end in (30, 34, 35, 60)] == [1, 1, 5, 30]
    assert not split.is_behind(59)
    split.note_failure(Window(page=11, per_page=6))
    assert split.is_behind(66)
    assert not split.is_behind(65), "six are split into fives"


def test_five_rows_at_the_end_of_a_stretch_reach_beyond_it() -> None:
    split = Split()
    split.note_failure(Window(page=1, per_page=5))
    assert [split.is_behind(end) for end in (4, 5)] == [False, True]
    assert split.largest(5, 30) == 30


def test_a_failure_further_up_does_not_end_a_stretch() -> None:
    split = Split()
    split.note_failure(Window(page=2, per_page=30))
    split.note_failure(Window(page=1, per_page=30))
    split.note_failure(Window(page=8, per_page=5))
    split.note_failure(Window(page=1, per_page=5))
    assert [split.largest(end, 30) for end in (39, 40, 59, 60)] == [1, 5, 5, 30]


def test_a_server_that_allows_less_is_asked_for_less() -> None:
    split = Split()
    split.note_failure(Window(page=1, per_page=30))
    assert split.largest(0, 3) == 3
