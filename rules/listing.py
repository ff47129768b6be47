"""Reading a paged list that moves while it is read, without a gap (rules 4 to 6).

A window is rows `(page - 1) * per_page + 1 ... page * per_page`. Varying `per_page` always finds
a window that begins a few rows before the last one ended, and *a page belongs to a listing only
if it overlaps what that listing has already read*. Rows inserted above show the overlap further
down: still contiguous. Rows removed above hide it: step back until it shows again, or start over
from the head, a bounded number of times.

The end is a window with nothing but its overlap. A short page alone is not: servers clamp
`per_page`, and leave records out of a page that they cannot show.

Moves that compensate each other exactly cannot be seen through page numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

LARGEST_WINDOW = 30
"""Rows asked for at most. Larger windows would be fewer requests, but not comparable ones."""

MAX_STEPS_BACK = 6
MAX_STARTS = 3
MAX_IDLE_WINDOWS = 8

TAIL = 4
"""How many of the rows read last can show the overlap. An older row may have moved down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One page to ask for; both numbers count from 1."""

    page: int
    per_page: int

    @property
    def offset(self) -> int:
        """How many rows of the list stand before this window."""
        return (self.page - 1) * self.per_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One row of an answer: its id (None where it was unusable) and when its test ends."""

    id: int | None
    end_at: datetime | None = None


class Reading(Enum):
    """Where a listing stands."""

    GOING_ON = auto()
    COMPLETE = auto()
    ABANDONED = auto()


class Listing:
    """One listing of one product's tests: which window comes next, and when it has ended.

    `since`: stop below this instant, as long as the list keeps the order newest end first.
    Not thread-safe; one worker drives it.
    """

    def __init__(self, *, since: datetime | None = None) -> None:
        self.state = Reading.GOING_ON
        self.why_abandoned = ""
        self.ordered = True
        self._since = since
        self._starts = 1
        self._handed_out: set[int] = set()
        self._start_at_the_head()

    def _start_at_the_head(self) -> None:
        self._read: set[int] = set()
        self._tail: tuple[int, ...] = ()
        self._last_end_at: datetime | None = None
        self._last: tuple[Window, list[int | None]] | None = None
        self._recheck = False
        self._end = 0
        self._need = 1
        self._steps_back = 0
        self._idle_windows = 0
        self._largest_allowed = LARGEST_WINDOW
        self._largest_answer = 0
        self._proven = True
        self._should_have_ended = False
        self._left_out = False

    def next_window(self) -> Window:
        """The window to ask for now."""
        if self._recheck and self._last is not None:
            return self._last[0]
        return best_window(self._end, self._need, self._largest_allowed)

    def take(self, window: Window, rows: Sequence[Seen]) -> tuple[int, ...]:
        """Take the answer to `window` in; returns the indexes of the rows to store.

        Rows that this listing has already handed out are not returned again. An answer that does
        not overlap is not taken: nothing of it is returned, and the next window steps back.
        """
        ids = [row.id for row in rows]
        if self._recheck:
            self._check_again(window, ids)
            return ()
        last_known = max((i for i, key in enumerate(ids) if key in self._tail), default=-1)
        if not self._joins_up(window, has_overlap=last_known >= 0, is_empty=not rows):
            return ()
        self._take_in(window, rows, rows[last_known + 1 :])
        return self._hand_out(rows)

    def _joins_up(self, window: Window, *, has_overlap: bool, is_empty: bool) -> bool:
        """Whether this answer goes on from what was read; if not, what to ask for instead."""
        if window.offset == 0 and self._end == 0:
            return True
        if window.offset < self._end:
            if not has_overlap:
                self._step_back()
            return has_overlap
        # Pages too small to overlap: nothing behind is checked again, rows behind prove nothing.
        self._recheck = is_empty
        self._proven = self._proven and is_empty
        return not is_empty

    def _take_in(self, window: Window, rows: Sequence[Seen], beyond: Sequence[Seen]) -> None:
        self._note_order(beyond)
        self._advance(window, rows, len(beyond))
        self._last = (window, [row.id for row in rows])
        self._tail = (*self._tail, *(row.id for row in beyond if row.id is not None))[-TAIL:]
        if self.state is Reading.GOING_ON and self._is_below_since(rows):
            self._finish()

    def _check_again(self, window: Window, ids: list[int | None]) -> None:
        """Pages too small to overlap, and none behind: the last one must still be the same."""
        if self._last == (window, ids):
            self._finish()
        else:
            self._start_over()

    def _hand_out(self, rows: Sequence[Seen]) -> tuple[int, ...]:
        indexes = []
        for index, row in enumerate(rows):
            if row.id is None or row.id not in self._handed_out:
                indexes.append(index)
            if row.id is not None:
                self._handed_out.add(row.id)
                self._read.add(row.id)
        return tuple(indexes)

    def _advance(self, window: Window, rows: Sequence[Seen], beyond: int) -> None:
        answered = len(rows)
        # Where nothing moved, the overlap alone ends just where the rows read ended.
        as_expected = window.offset + answered == self._end
        self._end = window.offset + answered
        self._need = 1
        self._steps_back = 0
        self._left_out = self._left_out or (self._should_have_ended and beyond > 0)
        short = answered < window.per_page
        if short and beyond == 0 and as_expected:
            self._finish()
            return
        self._should_have_ended = short and window.per_page <= self._largest_answer
        if short and not self._should_have_ended:
            # The end, or a server that clamps per_page: the next window will tell.
            self._largest_allowed = max(1, answered)
        self._largest_answer = max(self._largest_answer, answered)
        self._note_progress(any(row.id is None or row.id not in self._read for row in rows))

    def _note_progress(self, has_new_rows: bool) -> None:
        self._idle_windows = 0 if has_new_rows else self._idle_windows + 1
        if self._idle_windows > MAX_IDLE_WINDOWS:
            self._abandon("the list does not advance from page to page")

    def _finish(self) -> None:
        if not self._proven:
            self._abandon("the pages are too small to show that they join up")
        elif self._left_out:
            self._abandon("a page in the middle came back short: the remote left records out")
        else:
            self.state = Reading.COMPLETE

    def _step_back(self) -> None:
        self._steps_back += 1
        self._need *= 4
        if self._steps_back > MAX_STEPS_BACK or self._need >= self._end:
            self._start_over()

    def _start_over(self) -> None:
        if self._starts < MAX_STARTS:
            self._starts += 1
            self._start_at_the_head()
        else:
            self._abandon("the list moved too much while it was read")

    def _abandon(self, why: str) -> None:
        self.state = Reading.ABANDONED
        self.why_abandoned = why

    def _note_order(self, rows: Sequence[Seen]) -> None:
        for row in rows:
            if row.end_at is None:
                continue
            if self._last_end_at is not None and row.end_at > self._last_end_at:
                self.ordered = False
            self._last_end_at = row.end_at

    def _is_below_since(self, rows: Sequence[Seen]) -> bool:
        if self._since is None or not self.ordered or not rows:
            return False
        return all(row.end_at is not None and row.end_at < self._since for row in rows)


def best_window(end: int, need: int, largest: int) -> Window:
    """The window that holds one of the last rows of the `end` rows read and reaches furthest.

    It begins at least `need` rows before the end. Sizes from 2 to `largest` are tried; the larger
    one wins a tie. Where no size reaches beyond the end (very small pages), the window is the one
    right behind the end, which cannot show an overlap.
    """
    if end == 0:
        return Window(page=1, per_page=largest)
    start = max(0, end - need)
    sizes = range(2, largest + 1)
    size = max(sizes, key=lambda size: ((start // size + 1) * size, size), default=1)
    if need == 1 and (start // size + 1) * size <= end:
        # Whole pages of a divisor of `end` stand right behind it; `largest` divides it here.
        return Window(page=end // largest + 1, per_page=largest)
    return Window(page=start // size + 1, per_page=size)
