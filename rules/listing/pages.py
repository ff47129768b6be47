"""What a listing learns about the server's pages: clamps, records left out, no way forward.

A short page is the list's end, a server that lowers `per_page`, or one that leaves records out
that it cannot show; only the windows behind it tell which (rule 6).
"""

from __future__ import annotations

from rules.listing.windows import LARGEST_WINDOW, Window

MAX_IDLE_WINDOWS = 8

SMALLEST_TO_OVERLAP = 3
"""Smaller pages leave no room for an overlap."""


class Pages:
    """The pages of one listing, since it last began at the head or was resumed."""

    def __init__(
        self,
        *,
        largest_allowed: int = LARGEST_WINDOW,
        largest_answer: int = 0,
        left_out: bool = False,
        unproven: bool = False,
    ) -> None:
        self.largest_allowed = largest_allowed
        self.largest_answer = largest_answer
        self.left_out = left_out
        self.unproven = unproven
        self._should_have_ended = False
        self._idle_windows = 0

    @property
    def can_overlap(self) -> bool:
        """Whether windows could overlap, but for holes and splitting."""
        return self.largest_allowed >= SMALLEST_TO_OVERLAP

    @property
    def lead_nowhere(self) -> bool:
        """Whether page after page brings nothing that was not read before."""
        return self._idle_windows > MAX_IDLE_WINDOWS

    def note(self, window: Window, answered: int, *, beyond: int) -> None:
        """A window brought so many rows, `beyond` of them behind its overlap."""
        self.left_out = self.left_out or (self._should_have_ended and beyond > 0)
        short = answered < window.per_page
        self._should_have_ended = short and window.per_page <= self.largest_answer
        if short and not self._should_have_ended:
            # The end, or a server that clamps per_page: the next window will tell.
            self.largest_allowed = max(1, answered)
        self.largest_answer = max(self.largest_answer, answered)

    def note_progress(self, *, has_new_rows: bool) -> None:
        """Whether the window brought rows that were not read before."""
        self._idle_windows = 0 if has_new_rows else self._idle_windows + 1
