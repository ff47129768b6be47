"""How often a hole is tried again: every run at first, then after growing pauses (rule 9)."""

from __future__ import annotations

from datetime import timedelta

WITHOUT_PAUSE = 8
"""So many tries come with every run; a hole that heals soon is closed soon."""

FIRST_PAUSE = timedelta(minutes=15)
LONGEST_PAUSE = timedelta(hours=6)


def pause_after(probes: int) -> timedelta:
    """How long a hole is left alone after so many tries."""
    if probes < WITHOUT_PAUSE:
        return timedelta()
    doublings = min(probes - WITHOUT_PAUSE, 10)
    return min(LONGEST_PAUSE, FIRST_PAUSE * int(2**doublings))
