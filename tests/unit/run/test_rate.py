"""The speed of a counter."""

from __future__ import annotations

import pytest

from rules.run.rate import Rate


def test_two_values_make_a_speed() -> None:
    rate = Rate()
    assert rate.per_second is None
    rate.add(10.0, 100)
    assert rate.per_second is None
    rate.add(10.5, 105)
    assert rate.per_second == pytest.approx(10.0)


def test_only_the_last_seconds_count() -> None:
    rate = Rate(window_seconds=2.0)
    for second in range(10):
        rate.add(float(second), 100.0 * min(second, 5))
    assert rate.per_second == 0.0


def test_a_gap_longer_than_the_window_still_has_a_speed() -> None:
    rate = Rate(window_seconds=2.0)
    rate.add(0.0, 0)
    rate.add(100.0, 50)
    assert rate.per_second == pytest.approx(0.5)


def test_a_counter_that_goes_back_begins_anew() -> None:
    rate = Rate()
    rate.add(0.0, 1000)
    rate.add(1.0, 3)
    assert rate.per_second is None
    rate.add(2.0, 10)
    assert rate.per_second == pytest.approx(7.0)


def test_no_time_is_no_speed() -> None:
    rate = Rate()
    rate.add(1.0, 1)
    rate.add(1.0, 5)
    assert rate.per_second is None


def test_the_window_is_as_long_as_it_is_said_to_be() -> None:
    rate = Rate(window_seconds=2.0)
    for second, value in enumerate([0, 100, 110, 120]):
        rate.add(float(second), value)
    assert rate.per_second == pytest.approx(10.0), "from 1 s to 3 s: the first value is too old"


def test_values_of_less_than_the_window_all_count() -> None:
    rate = Rate(window_seconds=10.0)
    for second, value in ((100, 0), (101, 100), (102, 110)):
        rate.add(float(second), value)
    assert rate.per_second == pytest.approx(55.0)


def test_two_values_are_kept_however_old() -> None:
    rate = Rate(window_seconds=2.0)
    for second, value in ((0, 0), (100, 50), (200, 150)):
        rate.add(float(second), value)
    assert rate.per_second == pytest.approx(1.0)
    rate.forget()
    assert rate.per_second is None
