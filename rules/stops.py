"""Where a listing may stop before the end of the list: below a date, or on known rows (rule 6).

Both rest on the order, newest end first: a list that does not keep it is read to its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

PAGE_AROUND_HOLES = 5
"""Around holes windows are small: so few known rows have to do for a page there."""


class Seen(NamedTuple):
    """One row of an answer: its id (None where it was unusable) and when its test ends.

    `known`: an earlier listing that has finished confirmed it, and it has not changed.
    """

    id: int | None
    end_at: datetime | None = None
    known: bool = False


class Stops:
    """What was seen of order, dates and known rows. One listing owns it."""

    def __init__(self, *, since: datetime | None, incremental: bool, ordered: bool) -> None:
        self.ordered = ordered
        self._since = since
        self._incremental = incremental
        self.begin()

    def begin(self) -> None:
        """The list is read from its head."""
        self._last_end_at: datetime | None = None
        self._known_rows = 0
        self._page_is_known = False
        self._all_known = True

    def note(self, rows: Sequence[Seen]) -> None:
        """Rows were read behind the last ones."""
        self._all_known = self._all_known and all(row.known for row in rows)
        for row in rows:
            if row.end_at is None:
                continue
            if self._last_end_at is not None and row.end_at > self._last_end_at:
                self.ordered = False
            self._last_end_at = row.end_at

    def is_below_since(self, rows: Sequence[Seen]) -> bool:
        """Whether a whole window ends before the date."""
        if self._since is None or not self.ordered or not rows:
            return False
        return all(row.end_at is not None and row.end_at < self._since for row in rows)

    @property
    def knows_all(self) -> bool:
        """Whether an incremental listing has met known rows only, in order."""
        return self._incremental and self._all_known and self.ordered

    def has_joined_up(self, beyond: Sequence[Seen], *, page: int) -> bool:
        """Whether a page of known rows (of `page` rows) was followed by a safety page."""
        if not self._incremental or not beyond:
            return False
        if not all(row.known for row in beyond):
            self._known_rows, self._page_is_known = 0, False
            return False
        self._known_rows += len(beyond)
        if self._page_is_known:
            return self.ordered
        self._page_is_known = self._known_rows >= page
        return False
