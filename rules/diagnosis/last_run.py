"""What the last run that came to its end says of health: in words, and how grave it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rules.diagnosis.advice import ENDED_EARLY, LOOK, Advice, advice_for, urgency
from rules.model import ErrorKind, RunStatus
from rules.text.wording import counted

FOR_A_PERSON = frozenset({ErrorKind.UNAUTHORIZED, ErrorKind.WRONG_ACCOUNT})
"""What no later run gets over: every one of them fails until somebody does something."""
ENDED = {
    RunStatus.FAILED: "failed",
    RunStatus.PARTIAL: "came out partial",
    RunStatus.INTERRUPTED: "was interrupted",
}
"""The ends that are told. A cancelled run was ended by a person, and says nothing of the remote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """The last run that ended by itself; `problems`: how many it met, by type."""

    run_id: int
    status: RunStatus
    ended_at: datetime
    problems: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_trouble(self) -> bool:
        """Whether anything of it has to be told."""
        return self.status in ENDED

    @property
    def needs_a_person(self) -> bool:
        """Whether all runs will fail as this one did."""
        return self.status is RunStatus.FAILED and not FOR_A_PERSON.isdisjoint(self.problems)

    @property
    def message(self) -> str:
        """Which run, how it ended, and why."""
        advice, total = self._advice(), sum(self.problems.values())
        why = f": {advice.cause}" if advice else ""
        count = f" ({counted(total, 'problem')})" if total > 1 else ""
        return f"run {self.run_id} {ENDED[self.status]}{why}{count}"

    @property
    def action(self) -> str:
        """What to do about it."""
        advice = self._advice()
        look = f"testio-sync runs show {self.run_id}"
        return f"{advice.action if advice else LOOK}; all of it: {look}"

    def _advice(self) -> Advice | None:
        """Of its most urgent type of problem; None where nothing is known."""
        if self.status in ENDED_EARLY:
            return ENDED_EARLY[self.status]
        return advice_for(min(self.problems, key=urgency, default=None))
