"""The restart budget: more than 3 in 5 seconds or 10 in an hour are too many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.run.restarts import LIMITS, Limit, RestartBudget

SHORT, LONG = LIMITS


def spend_all(times: list[float], limits: tuple[Limit, ...] = LIMITS) -> list[Limit | None]:
    budget = RestartBudget(limits)
    return [budget.spend(now) for now in times]


def test_the_limits_are_those_of_the_design() -> None:
    assert (SHORT.restarts, SHORT.seconds) == (3, 5.0)
    assert (LONG.restarts, LONG.seconds) == (10, 3600.0)


def test_the_fourth_restart_within_five_seconds_is_too_many() -> None:
    assert spend_all([0.0, 1.0, 2.0, 3.0]) == [None, None, None, SHORT]


def test_the_edge_of_a_limit_still_counts_and_what_is_older_does_not() -> None:
    assert spend_all([0.0, 1.0, 2.0, 5.0])[-1] == SHORT
    assert spend_all([0.0, 1.0, 2.0, 5.001])[-1] is None


def test_the_eleventh_restart_within_an_hour_is_too_many_however_far_apart_they_are() -> None:
    steady = [i * 360.0 for i in range(11)]
    assert spend_all(steady) == [None] * 10 + [LONG]
    assert spend_all([i * 361.0 for i in range(100)]) == [None] * 100


@pytest.mark.parametrize("start", [-1e9, 0.0, 1e9])
def test_only_distances_matter(start: float) -> None:
    assert spend_all([start + i for i in range(4)])[-1] == SHORT


gaps = st.lists(st.floats(0, 2_000, allow_nan=False) | st.integers(0, 3), max_size=60)
some_limits = st.lists(
    st.builds(Limit, restarts=st.integers(0, 5), seconds=st.integers(0, 50)), min_size=1, max_size=3
)


@given(gaps=gaps, limits=some_limits)
def test_the_budget_agrees_with_counting_everything_that_ever_happened(
    gaps: list[float], limits: list[Limit]
) -> None:
    """The budget remembers a bounded number of restarts; the model remembers all of them."""
    times: list[float] = []
    budget, now = RestartBudget(tuple(limits)), 0.0
    for gap in gaps:
        now += gap
        times.append(now)
        exceeded = [
            limit
            for limit in limits
            if sum(now - at <= limit.seconds for at in times) > limit.restarts
        ]
        expected = exceeded[0] if exceeded else None
        assert budget.spend(now) == expected, f"restarts at {times}"


def test_restarts_that_were_refused_count_too() -> None:
    """Who asks again and again does not get through by asking often enough."""
    assert spend_all([i * 0.1 for i in range(40)])[3:] == [SHORT] * 37
