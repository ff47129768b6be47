"""The catalogue of all codes, and findings made of it; docs/findings.md is made of it, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from rules.diagnosis.codes import Code
from rules.diagnosis.entries import (
    DAEMON,
    DATABASE,
    MACHINE,
    MIRROR,
    REMOTE,
    SYNC,
    WHEN_ASKED,
    Entry,
)
from rules.diagnosis.findings import Finding, Severity
from rules.model import ErrorKind, RunStatus

CATALOGUE: Mapping[Code, Entry] = {**DAEMON, **DATABASE, **REMOTE, **MIRROR, **MACHINE}
"""All of them; of the same severity, what comes first is the most urgent."""

_PLACES = {code: place for place, code in enumerate(CATALOGUE)}
_SEVERITIES = list(Severity)


def found(
    code: Code,
    subject: str,
    message: str,
    *,
    why: str = "",
    since: datetime | None = None,
    severity: Severity | None = None,
    **values: object,
) -> Finding:
    """The finding of a code; `values` are filled into its action."""
    entry = CATALOGUE[code]
    return Finding(
        code=code,
        severity=severity or entry.severity,
        subject=subject,
        message=message,
        why=why,
        since=since,
        action=entry.action_with(**values),
        area=entry.area,
    )


def asked(code: Code, message: str, *, place: str, afterwards: str = SYNC) -> Finding:
    """What came of asking the remote by hand: an error, for it was to answer."""
    finding = found(
        code, "remote", message, severity=Severity.ERROR, place=place, afterwards=afterwards
    )
    return replace(finding, action=WHEN_ASKED.get(code, finding.action))


def rank(finding: Finding) -> tuple[int, int]:
    """A key that sorts findings, the most urgent first."""
    return _SEVERITIES.index(finding.severity), _PLACES[finding.code]


def code_of(error_kind: str | None) -> Code:
    """The code of a type of failure as the database has it; `failing` for one not known here."""
    known = {kind.value for kind in ErrorKind}
    return Code(error_kind) if error_kind in known else Code.FAILING


def entry_of(error_kind: str | None) -> Entry | None:
    """What a type of failure means; None for one that is not known here."""
    code = code_of(error_kind)
    return None if code is Code.FAILING else CATALOGUE[code]


def urgency(error_kind: str | None) -> int:
    """The place of a type of failure among all: the least is the most urgent, unknown ones last."""
    code = code_of(error_kind)
    return len(_PLACES) if code is Code.FAILING else _PLACES[code]


ENDED_EARLY: Mapping[RunStatus, Entry] = {
    RunStatus.INTERRUPTED: CATALOGUE[Code.RUN_INTERRUPTED],
    RunStatus.CANCELLED: CATALOGUE[Code.CANCELLED],
}
"""Why a run did not come to its own end."""
