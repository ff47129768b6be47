"""How long a phase and a run will take yet: from how long it took before, and from its pace now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

REMEMBERED = 5
"""How many earlier phases of the same kind are looked at."""
SLACK_SECONDS = 1.0
"""A phase that takes so much longer than before is not worth a word yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSoFar:
    """How far a phase is. Times are in seconds.

    `total` products are to be done, None until the phase has begun; `done` have ended, well or
    not, `elapsed` seconds after its beginning. `usual` is how long it took before, None if that is
    not known.
    """

    total: int | None
    done: int = 0
    elapsed: float = 0.0
    finished: bool = False
    usual: float | None = None

    @property
    def is_late(self) -> bool:
        """Whether it is at work for longer than it took before."""
        if self.finished or self.total is None or self.usual is None:
            return False
        return self.elapsed > self.usual + SLACK_SECONDS


def usual_duration(durations: Sequence[float]) -> float | None:
    """The median of the last durations, newest first; None if there are none."""
    last = durations[:REMEMBERED]
    return median(last) if last else None


def phase_remaining(phase: PhaseSoFar) -> float | None:
    """Seconds until the phase ends; None if nothing tells.

    What it did before counts as long as little is done, the pace of this time once much is.
    """
    if phase.finished or phase.total == 0:
        return 0.0
    if phase.total is None:
        return phase.usual
    share = min(1.0, phase.done / phase.total)
    if share == 0.0:
        return _left_of_usual(phase)
    by_pace = phase.elapsed * (1 - share) / share
    if phase.usual is None:
        return by_pace
    return (1 - share) * phase.usual * (1 - share) + share * by_pace


def _left_of_usual(phase: PhaseSoFar) -> float | None:
    """Nothing is done yet: as long as before; a phase that is late already foretells nothing."""
    if phase.usual is None or phase.elapsed >= phase.usual:
        return None
    return phase.usual - phase.elapsed


def run_remaining(phases: Iterable[PhaseSoFar]) -> float | None:
    """Seconds until the last of the phases ends; None while that of one is not known."""
    total = 0.0
    for phase in phases:
        remaining = phase_remaining(phase)
        if remaining is None:
            return None
        total += remaining
    return total
