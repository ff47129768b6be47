"""A window that fails for good is split, so that only the records that make it fail are lost.

30 rows → 5 → 1 (rule 9). Single rows cannot overlap, so what is read there has to be proven:
see `proofs`. One that is too slow is asked for in fewer rows, and so are all behind it: it
is the rows that make it slow, and one that is slow by itself is no hole.
"""

from __future__ import annotations

from rules.listing.windows import Window

FIVES = 5
TENS = 10


def next_smaller(window: Window) -> int | None:
    """How many rows to ask for where this window is too slow; None: it is small enough."""
    if window.per_page <= FIVES:
        return None
    return TENS if window.per_page > TENS else FIVES


class Split:
    """How far down the list windows have to be small. One listing owns it."""

    def __init__(self) -> None:
        self._fives_until = 0
        self._singles_until = 0
        self.singles_from = 0

    def note_failure(self, window: Window) -> None:
        """This window fails: its rows are asked for in smaller ones."""
        if window.per_page > FIVES:
            self._fives_until = max(self._fives_until, window.limit)
        else:
            self._singles_until = max(self._singles_until, window.limit)
            self.singles_from = window.offset

    def is_in_singles(self, end: int) -> bool:
        """Whether rows are asked for one by one here."""
        return self.singles_from <= end < self._singles_until

    def largest(self, end: int, allowed: int) -> int:
        """How many rows to ask for behind the `end` rows read, where `allowed` is the most."""
        if end < self._singles_until:
            return 1
        return min(allowed, FIVES) if end < self._fives_until else allowed

    def is_behind(self, end: int) -> bool:
        """Whether the stretch that failed has been read."""
        return end >= max(self._fives_until, self._singles_until)
