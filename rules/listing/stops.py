"""Where a listing may stop before the end of the list: below a date, or on known rows (rule 6).

Both rest on the order, newest end first: a list that does not keep it is read to its end. Rows
without an end stand before all others there; where one stands behind a dated row, the newest tests
may stand at the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple


class Seen(NamedTuple):
    """One row of an answer: its id (None where it was unusable) and when its test ends.

    `known`: an earlier listing that has finished confirmed it, and it has not changed. A row
    whose end is not known because it was unusable has that of the row above it.
    """

    id: int | None
    end_at: datetime | None = None
    known: bool = False


class Stops:
    """What was seen of order, dates and known rows. One listing owns it.

    `before`: the instant of the listing that this one may join up with.
    """

    def __init__(
        self,
        *,
        since: datetime | None,
        incremental: bool,
        ordered: bool,
        before: datetime | None = None,
    ) -> None:
        self.ordered = ordered
        self._since = since
        self._incremental = incremental
        self._before = before
        self.begin()

    def begin(self) -> None:
        """The list is read from its head."""
        self._last_end_at: datetime | None = None
        self._all_known = True

    def note(self, rows: Sequence[Seen]) -> None:
        """Rows were read behind the last ones."""
        self._all_known = self._all_known and all(row.known for row in rows)
        for row in rows:
            last, self._last_end_at = self._last_end_at, row.end_at or self._last_end_at
            if last is not None and (row.end_at is None or row.end_at > last):
                self.ordered = False

    def is_below_since(self, rows: Sequence[Seen]) -> bool:
        """Whether a whole window ends before the date."""
        if self._since is None or not self.ordered or not rows:
            return False
        return all(row.end_at is not None and row.end_at < self._since for row in rows)

    @property
    def knows_all(self) -> bool:
        """Whether an incremental listing has met known rows only, in order."""
        return self._incremental and self._all_known and self.ordered

    def is_settled(self, rows: Sequence[Seen]) -> bool:
        """Whether a test made since the instant `before` cannot stand below this window.

        It ends later than that instant, and the rows of the lower half ended earlier. A row
        without an end proves nothing. (One that was made with an end in the past, or moved, is
        found by the next full listing.)
        """
        before = self._before
        if before is None or not rows or not self.ordered:
            return False
        lower = rows[len(rows) // 2 :]
        return all(row.end_at is not None and row.end_at < before for row in lower)

    def has_joined_up(self, rows: Sequence[Seen], beyond: Sequence[Seen]) -> bool:
        """Whether an incremental listing need not go on below this window (rule 6).

        All that it has `beyond` what was read is known, its lower half at least, and settled.
        Known rows alone prove nothing: a new short test stands below the long ones that are open.
        """
        if not self._incremental or 2 * len(beyond) < len(rows):
            return False
        return all(row.known for row in beyond) and self.is_settled(rows)
