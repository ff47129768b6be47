"""What is left of a phase and of a run, in words."""

from __future__ import annotations

import pytest

from cli.screens.remaining import left_text, phase_text
from rules.run.eta import PhaseSoFar

DONE = PhaseSoFar(total=20, done=20, finished=True)
WAITS = PhaseSoFar(total=None, usual=0.4)


@pytest.mark.parametrize(
    ("usual", "text"),
    [
        (None, ""),
        (0.4, ""),
        (7.6, "usually 8 s"),
        (33.0, "usually 35 s"),
        (61.0, "usually 1 min"),
        (100.0, "usually 1 min 40 s"),
        (1234.0, "usually 21 min"),
        (7300.0, "usually 2 h 2 min"),
    ],
)
def test_a_phase_that_has_not_begun_tells_how_long_it_usually_takes(
    usual: float | None, text: str
) -> None:
    assert phase_text(PhaseSoFar(total=None, usual=usual)) == text


@pytest.mark.parametrize(
    ("phase", "text"),
    [
        (PhaseSoFar(total=20, elapsed=0.1, usual=0.4), ""),
        (PhaseSoFar(total=20, elapsed=9.0), ""),
        (PhaseSoFar(total=20, elapsed=9.0, usual=0.4), "longer than usual"),
        (PhaseSoFar(total=20, elapsed=9.0, usual=30.0), "about 20 s left"),
        (PhaseSoFar(total=20, done=5, elapsed=10.0, usual=0.4), "about 8 s left"),
        (PhaseSoFar(total=20, done=19, elapsed=1.0, usual=0.9), "nearly done"),
        (PhaseSoFar(total=20, done=19, elapsed=9.0, usual=0.4), "longer than usual"),
        (PhaseSoFar(total=20, done=19, elapsed=9.0), "nearly done"),
        (DONE, ""),
    ],
)
def test_a_phase_at_work(phase: PhaseSoFar, text: str) -> None:
    assert phase_text(phase) == text


@pytest.mark.parametrize(
    ("phases", "text"),
    [
        ([DONE, PhaseSoFar(total=20, elapsed=9.0, usual=0.4), WAITS], "longer than usual"),
        ([DONE, PhaseSoFar(total=20, elapsed=0.1, usual=0.4)], ""),
        ([DONE, PhaseSoFar(total=20, done=19, elapsed=0.4, usual=0.4), WAITS], ""),
        ([DONE, PhaseSoFar(total=20, done=19, elapsed=0.4, usual=0.4)], "nearly done"),
        ([DONE, PhaseSoFar(total=None, usual=40.0)], "about 40 s left"),
        ([DONE, PhaseSoFar(total=None)], ""),
    ],
)
def test_a_run_is_nearly_done_only_when_each_phase_has_got_on(
    phases: list[PhaseSoFar], text: str
) -> None:
    assert left_text(phases) == text
