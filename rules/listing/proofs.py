"""Proof where windows do not overlap: what was read there is read again, in its place (rule 5).

What stands where it stood when it was read, and what failed and still fails, shows that nothing
moved between the two readings, compensating moves aside.
"""

from __future__ import annotations

from rules.listing.windows import Window

Answer = list[int | None] | None
"""The ids that a window answered with; None: it failed."""


class Proofs:
    """What is still to be read again. One listing owns it.

    `wants_a_row`: nothing was read yet that could be asked for again.
    """

    def __init__(self) -> None:
        self._open: list[tuple[Window, Answer]] = []
        self.wants_a_row = False

    @property
    def next(self) -> Window | None:
        """The window to read again now; None if nothing is open."""
        return self._open[0][0] if self._open else None

    @property
    def is_settled(self) -> bool:
        """Whether all that was read so far is proven."""
        return not self._open and not self.wants_a_row

    def want(self, window: Window, answer: Answer) -> None:
        """This window has to answer so again."""
        if (window, answer) not in self._open:
            self._open.append((window, answer))

    def want_a_row(self) -> None:
        """There is no row above yet: the next one that is read serves as proof."""
        self.wants_a_row = self.wants_a_row or not self._open

    def note_row(self, position: int, row_id: int) -> None:
        """A row was read at this position (from 0)."""
        if self.wants_a_row:
            self.wants_a_row = False
            self.want(single(position), [row_id])

    def check(self, answer: Answer) -> bool:
        """Whether the window asked for as `next` answered as expected."""
        return self._open.pop(0)[1] == answer


def single(position: int) -> Window:
    """The window of one row at a position, from 0."""
    return Window(page=position + 1, per_page=1)
