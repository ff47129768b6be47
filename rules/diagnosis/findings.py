"""What a check found: how bad it is, what it is about, what to do, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Area(StrEnum):
    """What is at fault, in the order in which it has to be mended."""

    CONFIGURATION = "configuration"
    CREDENTIALS = "credentials"
    DAMAGE = "damage"
    DATABASE = "database"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. `remedy`: what to do; empty where all is well."""

    level: Level
    subject: str
    message: str
    remedy: str = ""
    area: Area = Area.OTHER


def ok(subject: str, message: str) -> Finding:
    """All is well."""
    return Finding(level=Level.OK, subject=subject, message=message)


def warning(subject: str, message: str, remedy: str) -> Finding:
    """It works, but not for sure or not for long."""
    return Finding(level=Level.WARNING, subject=subject, message=message, remedy=remedy)


def error(subject: str, message: str, remedy: str, area: Area = Area.OTHER) -> Finding:
    """It does not work."""
    return Finding(level=Level.ERROR, subject=subject, message=message, remedy=remedy, area=area)


def count(findings: Iterable[Finding], level: Level) -> int:
    """How many findings of this level there are."""
    return sum(finding.level is level for finding in findings)


def first_at_fault(findings: Iterable[Finding]) -> Area | None:
    """What to mend first; None where there is no error."""
    at_fault = {finding.area for finding in findings if finding.level is Level.ERROR}
    return next((area for area in Area if area in at_fault), None)
