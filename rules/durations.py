"""How a length of time is said to a person."""

from __future__ import annotations

LARGE = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"))


def spoken(seconds: float) -> str:
    """Its two largest units, rounded down, e.g. `2 h 5 min`."""
    whole = int(max(0.0, seconds))
    for size, unit, below, small in LARGE:
        if whole >= size:
            rest = whole % size // below
            return f"{whole // size} {unit} {rest} {small}" if rest else f"{whole // size} {unit}"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
