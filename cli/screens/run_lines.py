"""A run of the daemon as lines, from its events: in the order in which it went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cli.screens.failing_products import TOLD as MOST_TOLD
from cli.screens.failing_products import failure_text, names_in
from rules.model import Outcome
from rules.run.events import EventName
from storage.engine.errors import StorageError
from storage.engine.readonly import Row
from storage.reads.event_feed import EventFeed, EventFilter

ENDS = (EventName.PRODUCT_SYNCED, EventName.PRODUCT_FAILED, EventName.PRODUCT_SKIPPED)
TOLD = (Outcome.FAILED, Outcome.PARTIAL)


@dataclass(frozen=True, slots=True)
class RunLine:
    """A line. `is_failure`: tells of a product; the others of a phase, which bars show as well."""

    text: str
    phase: str
    is_failure: bool


class RunLines:
    """What becomes of a run: phases as they begin and end, and the first products that fail.

    A daemon's log is elsewhere; who asked it for a run wants to know which products fail. The
    daemon's status runs ahead of the events, so that both together would be out of order.
    """

    def __init__(self, database: Path, run_id: int) -> None:
        self._feed = EventFeed(database, EventFilter(run_id=run_id), since=0)
        self._total: dict[str, int] = {}
        self._complete: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._told = 0

    def new(self) -> list[RunLine]:
        """Those that came since the last call; none while the database cannot be read."""
        lines: list[RunLine] = []
        more = True
        while more:
            try:
                batch = self._feed.poll()
            except StorageError:
                break
            told = [row for row in batch.rows if row["outcome"] in TOLD and row["event"] in ENDS]
            names = names_in(self._feed.path, told)
            found = [self._line(row, names) for row in batch.rows if row["phase"]]
            lines += [line for line in found if line is not None]
            more = batch.more
        return lines

    def _line(self, row: Row, names: dict[int, str]) -> RunLine | None:
        phase, event = row["phase"], row["event"]
        if event == EventName.PHASE_STARTED:
            self._total[phase] = int((row["detail"] or {}).get("products", 0))
            return RunLine(f"{phase}: begun, {self._total[phase]} to do", phase, is_failure=False)
        if event == EventName.PHASE_FINISHED:
            return RunLine(self._end_of(phase), phase, is_failure=False)
        if event not in ENDS or row["product_id"] is None:
            return None
        if row["outcome"] == Outcome.COMPLETE:
            self._complete[phase] += 1
            return None
        self._failed[phase] += 1
        if row["outcome"] not in TOLD or self._told == MOST_TOLD:
            return None
        self._told += 1
        from cli.screens.screen import harmless  # brings rich along, which most runs do not need

        text = harmless(f"{phase}: {failure_text(row, names)}")
        return RunLine(text, phase, is_failure=True)

    def _end_of(self, phase: str) -> str:
        failed = self._failed[phase]
        words = f", {failed} not complete" if failed else ""
        return f"{phase}: done, {self._complete[phase]} of {self._total.get(phase, 0)}{words}"
