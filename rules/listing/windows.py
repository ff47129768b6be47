"""Which page of a list to ask for, so that it overlaps what was read and reaches furthest.

A window is rows `(page - 1) * per_page + 1 ... page * per_page`. Varying `per_page` finds one
that begins a few rows before the last one ended.
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass

LARGEST_WINDOW = 30
"""Rows asked for at most. Larger windows would be fewer requests, but not comparable ones."""

LARGEST_FOR_A_TIE = 40
"""The same where rows that end at the same time fit into no smaller window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One page to ask for; both numbers count from 1."""

    page: int
    per_page: int

    @property
    def offset(self) -> int:
        """How many rows of the list stand before this window."""
        return (self.page - 1) * self.per_page

    @property
    def limit(self) -> int:
        """How many rows of the list stand before the end of this window."""
        return self.page * self.per_page


@functools.lru_cache(maxsize=4096)
def overlapping_window(
    end: int,
    need: int,
    largest: int,
    *,
    floor: int = 0,
    stop: int | None = None,
    beyond: bool = True,
) -> Window | None:
    """The window that holds row `end - need` and reaches furthest; None if there is none.

    `end`: rows read so far. It begins at or behind `floor` and ends at or before `stop`. Unless
    it reaches `beyond` the end it only has to show where the rows read are. Of two that reach as
    far it is the larger one.
    """
    start = max(floor, end - need)
    best: tuple[int, int] | None = None
    for size in range(2, largest + 1):
        page = start // size
        limit = (page + 1) * size
        if page * size < floor or (beyond and limit <= end):
            continue
        if stop is not None and limit > stop:
            continue
        if best is None or (limit, size) >= best:
            best = (limit, size)
    return None if best is None else Window(page=best[0] // best[1], per_page=best[1])


def adjacent_window(end: int, largest: int, *, stop: int | None = None) -> Window:
    """The largest window that begins just where the rows read end; it shows no overlap."""
    room = largest if stop is None else max(1, min(largest, stop - end))
    size = next(size for size in range(room, 0, -1) if end % size == 0)
    return Window(page=end // size + 1, per_page=size)


def window_around(
    position: int, largest: int = LARGEST_WINDOW, *, without: Collection[int] = ()
) -> Window:
    """A window that holds the row at `position` (from 0), the one before and the one behind.

    It holds none of the positions `without`; where they stand too close, it is that row alone.
    """
    for size in range(largest, 2, -1):
        if position == 0 or 0 < position % size < size - 1:
            window = Window(page=position // size + 1, per_page=size)
            if not any(window.offset <= other < window.limit for other in without):
                return window
    if without:
        return Window(page=position + 1, per_page=1)
    return Window(page=1, per_page=position + 2)
