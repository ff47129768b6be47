"""What somebody may have meant: the nearest of the things that there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest_word(given: str, known: Iterable[str]) -> str | None:
    """The known word most like the given one; None if none is like it."""
    found = get_close_matches(given.lower(), list(known), cutoff=0.5)
    return found[0] if found else None


def nearest_ids(given: int, known: Iterable[int], count: int = 3) -> list[int]:
    """The known ids closest to the given one, in ascending order."""
    return sorted(sorted(known, key=lambda each: (abs(each - given), each))[:count])


def enumerated(words: Iterable[object], last: str = "and") -> str:
    """The words as a sentence has them: `a`, `a and b`, `a, b and c`."""
    *before, end = [str(word) for word in words]
    return f"{', '.join(before)} {last} {end}" if before else end
