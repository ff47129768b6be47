"""A finding: one thing that is not as it should be, since when, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rules.diagnosis.codes import Code
from rules.text.durations import spoken


class Severity(StrEnum):
    """How bad a finding is, the worst first.

    An error needs somebody or is not over by itself; with a warning it works, but not for sure or
    not for long; information is worth knowing, and nothing is wrong.
    """

    ERROR = "error"
    WARNING = "warning"
    INFORMATION = "information"


class Area(StrEnum):
    """What is at fault, in the order in which it has to be mended."""

    CONFIGURATION = "configuration"
    CREDENTIALS = "credentials"
    DAMAGE = "damage"
    DATABASE = "database"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be. `why`: in the words of what failed, where it has any.

    `message` can be followed by "for 3 h", where `since` is known.
    """

    code: Code
    severity: Severity
    subject: str
    message: str
    action: str
    why: str = ""
    since: datetime | None = None
    area: Area = Area.OTHER

    @property
    def text(self) -> str:
        """What is wrong and why, without a time."""
        return f"{self.message}: {self.why}" if self.why else self.message

    def said(self, now: datetime) -> str:
        """What is wrong, for how long, and why: `tests of product 5 not complete for 3 h: …`."""
        lasted = "" if self.since is None else f" for {spoken(self.seconds(now) or 0)}"
        return f"{self.message}{lasted}{f': {self.why}' if self.why else ''}"

    def seconds(self, now: datetime) -> float | None:
        """For how long it has been so, if that is known."""
        return None if self.since is None else max(0.0, (now - self.since).total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Fine:
    """One thing that was looked at, and is as it should be."""

    subject: str
    message: str


def first_at_fault(findings: Iterable[Finding]) -> Area | None:
    """What to mend first; None where there is no error."""
    at_fault = {finding.area for finding in findings if finding.severity is Severity.ERROR}
    return next((area for area in Area if area in at_fault), None)
