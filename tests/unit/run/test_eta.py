"""When a phase and a run will end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.run.eta import PhaseSoFar, phase_remaining, run_remaining, usual_duration

SECONDS = st.floats(min_value=0.001, max_value=1e6)


@st.composite
def phases(draw: st.DrawFn) -> PhaseSoFar:
    total = draw(st.one_of(st.none(), st.integers(0, 10_000)))
    return PhaseSoFar(
        total=total,
        done=draw(st.integers(0, total or 0)),
        elapsed=0.0 if total is None else draw(SECONDS),
        finished=draw(st.booleans()),
        usual=draw(st.one_of(st.none(), SECONDS)),
    )


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (PhaseSoFar(total=None), None),
        (PhaseSoFar(total=None, usual=30.0), 30.0),
        (PhaseSoFar(total=0), 0.0),
        (PhaseSoFar(total=10, elapsed=4.0), None),
        (PhaseSoFar(total=10, elapsed=4.0, usual=30.0), 26.0),
        (PhaseSoFar(total=10, elapsed=31.0, usual=30.0), None),
        (PhaseSoFar(total=10, done=5, elapsed=20.0), 20.0),
        (PhaseSoFar(total=10, done=5, elapsed=20.0, usual=40.0), 20.0),
        (PhaseSoFar(total=10, done=5, elapsed=60.0, usual=40.0), 40.0),
        (PhaseSoFar(total=10, done=9, elapsed=90.0, usual=10.0), pytest.approx(9.1)),
        (PhaseSoFar(total=10, done=10, elapsed=20.0, usual=40.0), 0.0),
        (PhaseSoFar(total=10, done=3, elapsed=20.0, finished=True), 0.0),
    ],
)
def test_a_phase(phase: PhaseSoFar, expected: float | None) -> None:
    assert phase_remaining(phase) == expected


@given(phases())
def test_it_lies_between_what_was_usual_and_what_the_pace_tells(phase: PhaseSoFar) -> None:
    remaining = phase_remaining(phase)
    if remaining is None:
        return
    assert remaining >= 0
    if phase.total and phase.done and not phase.finished:
        left = 1 - phase.done / phase.total
        guesses = [phase.elapsed * left * phase.total / phase.done]
        guesses += [] if phase.usual is None else [phase.usual * left]
        assert min(guesses) * 0.999 - 1e-9 <= remaining <= max(guesses) * 1.001 + 1e-9


@given(total=st.integers(1, 1000), each=SECONDS)
def test_a_steady_phase_that_goes_as_usual_counts_down_exactly(total: int, each: float) -> None:
    for done in range(1, total + 1, max(1, total // 7)):
        so_far = PhaseSoFar(total=total, done=done, elapsed=each * done, usual=each * total)
        assert phase_remaining(so_far) == pytest.approx(each * (total - done), rel=1e-6, abs=1e-6)


def test_a_run_is_the_sum_of_its_phases() -> None:
    begun = PhaseSoFar(total=2, done=1, elapsed=3.0)
    assert run_remaining([PhaseSoFar(total=1, finished=True), begun]) == 3.0
    assert run_remaining([begun, PhaseSoFar(total=None, usual=5.0)]) == 8.0
    assert run_remaining([begun, PhaseSoFar(total=None)]) is None


def test_usual_is_the_median_of_the_last_five() -> None:
    assert usual_duration([]) is None
    assert usual_duration([9.0]) == 9.0
    assert usual_duration([1.0, 2.0, 100.0, 3.0, 2.0, 5000.0, 5000.0]) == 2.0


@pytest.mark.parametrize(
    ("phase", "late"),
    [
        (PhaseSoFar(total=5, elapsed=11.0, usual=10.0), False),
        (PhaseSoFar(total=5, elapsed=11.1, usual=10.0), True),
        (PhaseSoFar(total=5, elapsed=99.0, usual=10.0, finished=True), False),
        (PhaseSoFar(total=None, elapsed=99.0, usual=10.0), False),
        (PhaseSoFar(total=5, elapsed=99.0), False),
    ],
)
def test_a_phase_is_late_when_it_takes_a_second_more_than_before(
    phase: PhaseSoFar, late: bool
) -> None:
    assert phase.is_late is late


def test_more_done_than_was_to_be_done_is_all_of_it() -> None:
    assert phase_remaining(PhaseSoFar(total=4, done=5, elapsed=20.0)) == 0.0


def test_a_phase_that_has_just_used_up_its_time_foretells_nothing() -> None:
    assert phase_remaining(PhaseSoFar(total=10, elapsed=30.0, usual=30.0)) is None
