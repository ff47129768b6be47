"""How a length of time is said to a person."""

from __future__ import annotations

import itertools

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def spoken(seconds: float) -> str:
    """Its two largest units, rounded down, e.g. `2 h 5 min`, `5 min`, `0 s`."""
    whole = int(max(0.0, seconds))
    for (size, unit), (below, small) in itertools.pairwise(UNITS):
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit} {rest} {small}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
