"""When runs are due (rule 3): on a grid, without drift, missed ticks made one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.run.schedule import Schedule, StartupSync, wants_startup_run

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

starts = st.integers(0, 10**9)
intervals = st.integers(1, 604_800)
delays = st.lists(st.integers(0, 3_000_000), min_size=1, max_size=20)


def test_the_first_periodic_run_is_one_interval_after_the_start() -> None:
    schedule = Schedule.starting(now=1_000.0, interval=900.0)
    assert not schedule.is_due(1_000.0)
    assert not schedule.is_due(1_899.9)
    assert schedule.is_due(1_900.0)


@given(start=starts, interval=intervals, delays=delays)
def test_every_tick_falls_on_the_grid_of_the_start_however_late_the_ticks_are(
    start: int, interval: int, delays: list[int]
) -> None:
    schedule = Schedule.starting(now=start, interval=interval)
    for delay in delays:
        now = schedule.due_at + delay
        assert schedule.is_due(now)
        schedule = schedule.after_tick(now)
        assert (schedule.due_at - start) % interval == 0, f"off the grid: {schedule}"
        assert now < schedule.due_at <= now + interval, f"at {now}: {schedule}"


@given(start=starts, interval=intervals, missed=st.integers(1, 500), late=st.floats(0, 0.99))
def test_missed_ticks_become_one(start: int, interval: int, missed: int, late: float) -> None:
    schedule = Schedule.starting(now=start, interval=interval)
    awake = start + int(interval * (missed + late))
    ticks = 0
    while schedule.is_due(awake):
        ticks += 1
        assert ticks < 3, f"{missed} missed ticks are made up for one by one"
        schedule = schedule.after_tick(awake)
    assert ticks == 1
    assert schedule.due_at == start + (missed + 1) * interval


@given(
    start=starts,
    interval=st.integers(1, 604_800),
    jitters=st.lists(st.floats(0, 0.999), min_size=1, max_size=20),
)
def test_jitter_delays_a_run_and_never_moves_the_grid(
    start: int, interval: int, jitters: list[float]
) -> None:
    schedule = Schedule.starting(now=start, interval=interval)
    for number, part in enumerate(jitters, start=2):
        jitter = part * interval
        schedule = schedule.after_tick(schedule.due_at, jitter)
        nth = start + number * interval
        assert nth <= schedule.due_at < nth + interval, f"run {number}: {schedule}"
        assert schedule.due_at == pytest.approx(nth + jitter)


@pytest.mark.parametrize(
    ("start", "interval"), [(3_823.337, 900.0), (86_400.7, 0.7), (12_345.678, 60.1)]
)
def test_a_tick_sent_at_the_very_moment_it_is_due_is_not_sent_twice(
    start: float, interval: float
) -> None:
    """Seconds are floats: `start + interval - start` may be a little less than the interval."""
    schedule = Schedule.starting(now=start, interval=interval)
    for number in range(1, 200):
        now = schedule.due_at
        schedule = schedule.after_tick(now)
        assert not schedule.is_due(now), f"tick {number} at {now!r} is due again: {schedule}"


def test_no_tick_is_due_during_a_pause_and_one_that_fell_due_follows_it_at_once() -> None:
    paused = Schedule.starting(now=0.0, interval=900.0).pause()
    assert not paused.is_due(900.0)
    assert not paused.is_due(10_000.0)
    resumed = paused.resume()
    assert resumed.is_due(10_000.0)
    after = resumed.after_tick(10_000.0)
    assert not after.is_due(10_000.0)
    assert after.due_at == 10_800.0


def test_a_short_pause_changes_nothing() -> None:
    schedule = Schedule.starting(now=0.0, interval=900.0)
    assert schedule.pause().resume() == schedule
    assert schedule.pause().pause() == schedule.pause()
    assert schedule.resume() == schedule


@given(now=st.integers(0, 10**9), start=starts)
def test_interval_0_means_no_periodic_runs(now: int, start: int) -> None:
    schedule = Schedule.starting(now=start, interval=0)
    assert not schedule.periodic
    assert not schedule.is_due(now), f"due: {schedule}"
    assert not schedule.pause().resume().is_due(now)


@pytest.mark.parametrize(
    ("policy", "age", "wanted"),
    [
        (StartupSync.ALWAYS, 0, True),
        (StartupSync.ALWAYS, None, True),
        (StartupSync.ALWAYS, -5, True),
        (StartupSync.IF_STALE, None, True),
        (StartupSync.IF_STALE, 0, False),
        (StartupSync.IF_STALE, 899.999, False),
        (StartupSync.IF_STALE, 900, True),
        (StartupSync.IF_STALE, 10**6, True),
        (StartupSync.IF_STALE, -0.001, True),
        (StartupSync.IF_STALE, -(10**7), True),
    ],
)
def test_the_startup_run(policy: StartupSync, age: float | None, wanted: bool) -> None:
    """`age` is that of the last success, in seconds; a negative one lies in the future."""
    last_success = None if age is None else NOW - timedelta(seconds=age)
    got = wants_startup_run(policy, last_success=last_success, now=NOW, interval=900.0)
    assert got is wanted


@pytest.mark.parametrize("policy", StartupSync)
@pytest.mark.parametrize("age", [0, 1, 10**6])
def test_interval_0_does_not_turn_the_startup_run_off(policy: StartupSync, age: int) -> None:
    last_success = NOW - timedelta(seconds=age)
    assert wants_startup_run(policy, last_success=last_success, now=NOW, interval=0.0)


@given(start=starts, interval=intervals, until=st.integers(0, 10**6), later=st.integers(0, 10**6))
def test_no_tick_is_due_during_a_pause_and_its_end_is_named(
    start: int, interval: int, until: int, later: int
) -> None:
    schedule = Schedule.starting(now=start, interval=interval).pause(start + until)
    now = start + later
    assert not schedule.is_due(now)
    assert schedule.pause_is_over(now) == (later >= until)
    assert schedule.next_at() == max(start + interval, start + until)
    assert schedule.resume().is_due(now) == (later >= interval)
    assert schedule.pause().next_at() is None


@given(start=starts, old=intervals, new=intervals, passed=st.integers(0, 10**6))
def test_another_interval_counts_from_the_last_tick_and_is_never_due_in_the_past(
    start: int, old: int, new: int, passed: int
) -> None:
    now = start + passed
    schedule = Schedule.starting(now=start, interval=old).with_interval(new, now)
    assert schedule.due_at == max(now, start + new)
    assert schedule.with_interval(0, now).next_at() is None


def test_resuming_leaves_nothing_of_a_pause() -> None:
    schedule = Schedule.starting(now=0.0, interval=60.0)
    waiting = replace(schedule.pause(500.0), startup_waits=True)
    assert waiting.resume() == schedule


def test_the_next_tick_is_told_with_and_without_a_pause() -> None:
    schedule = Schedule.starting(now=0.0, interval=60.0)
    assert schedule.next_at() == 60.0
    assert schedule.pause(500.0).next_at() == 500.0
    assert schedule.pause(30.0).next_at() == 60.0
