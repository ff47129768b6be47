"""The diagnosis: everything that is wrong, each thing once, the most urgent first.

The only place that judges. `status`, `health`, `check`, `watch`, notifications, metrics, the
watchdog and systemd's status line show what it says, or a part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from rules.diagnosis.catalogue import rank
from rules.diagnosis.codes import Code
from rules.diagnosis.findings import Finding, Severity
from rules.diagnosis.limits import Limits
from rules.diagnosis.observations import DaemonState, Observations
from rules.diagnosis.of_daemon import daemon_findings, silent_actors, stuck_run
from rules.diagnosis.of_database import database_findings
from rules.diagnosis.of_mirror import mirror_findings

Diagnosis = tuple[Finding, ...]

UNVOUCHED = frozenset(
    {
        Code.NO_DAEMON,
        Code.DAEMON_KILLED,
        Code.DAEMON_STARTING,
        Code.DAEMON_HIDDEN,
        Code.DAEMON_ELSEWHERE,
    }
)
"""Nothing may be wrong, but nobody can say that all is well."""
CANNOT_WRITE = frozenset({Code.DATABASE_LOCKED, Code.DISK_FULL, Code.JOURNAL_STUCK})


def diagnose(seen: Observations, limits: Limits) -> Diagnosis:
    """What is wrong, the most urgent first."""
    findings = [
        *daemon_findings(seen, limits),
        *database_findings(seen, limits),
        *mirror_findings(seen, limits),
    ]
    return tuple(sorted(map(_as_cause(findings), findings), key=rank))


def _as_cause(findings: Sequence[Finding]) -> Callable[[Finding], Finding]:
    """Where lists are too old and nobody refreshes them, that nobody does is the cause."""
    are_old = any(f.code in AGES and f.severity is Severity.ERROR for f in findings)

    def judged(finding: Finding) -> Finding:
        is_cause = are_old and finding.code in (Code.NO_DAEMON, Code.DAEMON_KILLED)
        return replace(finding, severity=Severity.ERROR) if is_cause else finding

    return judged


AGES = frozenset({Code.NEVER_FETCHED, Code.STALE, Code.INCOMPLETE})


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthVerdict:
    """Healthy means that there are no reasons against it; the others are for people."""

    reasons: Diagnosis
    warnings: Diagnosis
    notes: Diagnosis

    @property
    def healthy(self) -> bool:
        """Whether there are no reasons against it."""
        return not self.reasons


def health_of(findings: Sequence[Finding]) -> HealthVerdict:
    """Errors are reasons, and so is that nobody can vouch for it."""
    reasons = [f for f in findings if f.severity is Severity.ERROR or f.code in UNVOUCHED]
    others = [finding for finding in findings if finding not in reasons]
    return HealthVerdict(
        reasons=tuple(reasons),
        warnings=tuple(f for f in others if f.severity is Severity.WARNING),
        notes=tuple(f for f in others if f.severity is Severity.INFORMATION),
    )


def not_alive(state: DaemonState, limits: Limits, now: datetime) -> Finding | None:
    """Why a service manager should replace the daemon; None while it is alive.

    A part that could not be started is silent, too.
    """
    state = replace(state, missing={})
    found = [*silent_actors(state, limits, now), *stuck_run(state, limits, now)]
    return found[0] if found else None
