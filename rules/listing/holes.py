"""The records that a remote cannot show, while a list is read around them (rule 9).

Known ones are stepped over where their upper neighbour says that they stand. That is an
assumption until the row behind is their lower neighbour: a row that can be read must never be
taken for the hole that once stood in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rules.records import HoleRecord

MAX_HOLES = 50
MAX_HOLES_IN_A_ROW = 4


class Holes:
    """Which holes are expected where, and which were met. One listing owns it.

    Positions here count from 0: the hole at `end` is the next row of the list.
    """

    def __init__(self, known: Sequence[HoleRecord]) -> None:
        self._given = self._known = tuple(known)
        self.begin()

    def begin(self) -> None:
        """The list is read from its head, again; what was met and not taken is met again."""
        self.count = 0
        self._met: list[HoleRecord] = []
        self._open: list[HoleRecord] = []
        self._assumed: list[HoleRecord] = []
        self._expected = {hole.position - 1: hole for hole in self._known}

    @property
    def assumed(self) -> bool:
        """Whether holes were stepped over and nothing has been read behind them yet."""
        return bool(self._assumed)

    @property
    def is_too_many(self) -> bool:
        """Whether this is an outage of the list rather than a few records."""
        return len(self._open) > MAX_HOLES_IN_A_ROW or self.count > MAX_HOLES

    def next_from(self, end: int) -> int | None:
        """Where the next expected hole stands, at or behind `end`."""
        return min((at for at in self._expected if at >= end), default=None)

    @property
    def are_known(self) -> bool:
        """Whether there are holes from earlier listings."""
        return bool(self._known)

    def expect_behind(self, row_id: int, position: int) -> None:
        """A known hole stands behind its upper neighbour, which was read at `position`."""
        for hole in self._known:
            if hole.before_id == row_id:
                self._expected = {at: h for at, h in self._expected.items() if h is not hole}
                self._expected[position + 1 + hole.rank] = hole

    def step_over(self, end: int, above: int | None) -> int:
        """Pass the known holes that stand at `end`; returns where the list goes on."""
        while end in self._expected:
            known = self._expected.pop(end)
            if known.before_id == above and known.rank == len(self._open):
                self._assumed.append(known)
                self.note(end, above, known.after_id)
                end += 1
        return end

    def note(self, end: int, above: int | None, below: int | None = None) -> None:
        """The row at `end` cannot be shown."""
        self.count += 1
        self._open.append(
            HoleRecord(position=end + 1, before_id=above, after_id=below, rank=len(self._open))
        )

    def is_another_row(self, row_id: int | None) -> bool:
        """Whether the row behind an assumed hole is not its lower neighbour."""
        return row_id != self._assumed[-1].after_id

    def is_neighbour(self, row_id: int) -> bool:
        """Whether this row is known to stand behind the hole that was passed last."""
        return bool(self._open) and self._open[-1].after_id == row_id

    def forget_assumed(self) -> None:
        """They are not where they were; the list has to be read without expecting them."""
        wrong = {hole.fingerprint for hole in self._assumed}
        self._given = tuple(hole for hole in self._given if hole.fingerprint not in wrong)
        self._known = tuple(hole for hole in self._known if hole.fingerprint not in wrong)

    def forget_learned(self) -> None:
        """What this listing has taken for holes may be wrong: the list moved meanwhile."""
        self._known = self._given

    def close(self, row_id: int | None) -> None:
        """A row was read behind the open holes, or the list has ended (None)."""
        closed = [replace(hole, after_id=row_id) for hole in self._open]
        self._met += closed
        self._open, self._assumed = [], []
        # A listing that starts over need not find them again.
        known = {hole.fingerprint: hole for hole in (*self._known, *closed)}
        self._known = tuple(known.values())

    def take(self) -> tuple[HoleRecord, ...]:
        """The holes met since the last call whose lower neighbour is known, or is none."""
        met, self._met = tuple(self._met), []
        return met

    def begin_again_at_the_head(self) -> None:
        """As `begin`, for a list that was read to its end: what was met is kept."""
        met = self._met
        self.begin()
        self._met = met
