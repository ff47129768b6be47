"""Rows that end at the same time, where a list is left and taken up again (rule 5).

The list is in the order of end dates, and nothing says in which order rows stand that share one:
it may be another one at each request. So no joint cuts such a tie: where the last row read shares
its end with rows above, the next window begins above the first of them. Null counts as a date.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from rules.listing.stops import Seen
from rules.listing.windows import Window


class Tie(NamedTuple):
    """The rows around one that share its end, by their indexes in an answer, both included."""

    first: int
    last: int


def tie_around(rows: Sequence[Seen], index: int) -> Tie:
    """The tie of the row at `index`; it may go on outside of the answer."""
    first = last = index
    end_at = rows[index].end_at
    while first > 0 and rows[first - 1].end_at == end_at:
        first -= 1
    while last + 1 < len(rows) and rows[last + 1].end_at == end_at:
        last += 1
    return Tie(first, last)


class LastTie:
    """The tie in which the rows read so far end. One listing owns it.

    `begins_at`: the position (from 0) of the first of its rows; of the first tie that a joint has
    cut, as long as no window has shown it whole. `any_met`: whether the list has shown two rows
    with one end; then each window begins a row above, as rows that went away may have moved the
    tie up. `was_cut`: for good, so a row may have been missed.
    """

    def __init__(self, begins_at: int = 0, *, any_met: bool = False, was_cut: bool = False) -> None:
        self._begins_at = begins_at
        self.any_met = any_met
        self._was_cut = was_cut
        self._cut_at: int | None = None
        self._first_cut = 0
        self._end_at: datetime | None = None
        self._is_known = False

    @property
    def begins_at(self) -> int:
        """Where the next window has to begin, or above."""
        return self._begins_at if self._cut_at is None else self._cut_at

    @property
    def any_cut(self) -> bool:
        """Whether rows of one tie stand on both sides of a joint."""
        return self._was_cut or self._cut_at is not None

    def length(self, end: int) -> int:
        """How many of the `end` rows read belong to it, or stand below one that was cut."""
        return end - self.begins_at

    def at(self, end: int) -> LastTie:
        """One of a single row, the last of `end`."""
        return LastTie(end - 1, any_met=self.any_met, was_cut=self.any_cut)

    def goes_on_with(self, row: Seen) -> bool:
        """Whether a row that stands just behind what was read may belong to it."""
        return not self._is_known or row.end_at == self._end_at

    def cut(self, end: int) -> None:
        """A joint cuts it, behind the `end` rows read."""
        if self._cut_at is None:
            self._cut_at, self._first_cut = self._begins_at, end

    def pass_hole(self, around: int) -> None:
        """The row behind cannot be shown, and no window will span it.

        A cut in the same tie, or behind position `around`, is a gap like the hole itself.
        """
        is_far = self.begins_at < self._begins_at and self._first_cut < around
        self._was_cut = self._was_cut or is_far
        self._cut_at = None

    def note(self, window: Window, rows: Sequence[Seen], end: int) -> None:
        """An answer was taken in, where `end` rows had been read."""
        if not rows:
            return
        if window.offset < self.begins_at:
            self._cut_at = None
        first = tie_around(rows, len(rows) - 1).first
        if first > 0 or window.offset < end or not self.goes_on_with(rows[0]):
            self._begins_at = window.offset + first
        self._end_at, self._is_known = rows[-1].end_at, True
        ends = [row.end_at for row in rows]
        self.any_met = self.any_met or any(map(operator.eq, ends, ends[1:]))
