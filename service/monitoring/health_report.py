"""How a diagnosis is told to who asks for health, by the daemon or by the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from config.settings import Settings
from control.views import DaemonView, HealthReason, HealthReply
from rules.diagnosis.diagnose import health_of
from rules.diagnosis.findings import Finding


def reply_of(
    findings: Sequence[Finding], settings: Settings, at: datetime, daemon: DaemonView | None
) -> HealthReply:
    """The diagnosis as it is told; `daemon` None: it was made from outside."""
    verdict = health_of(findings)
    return HealthReply(
        healthy=verdict.healthy,
        reasons=_told(verdict.reasons, at),
        warnings=_told(verdict.warnings, at),
        findings=list(findings),
        at=at,
        database=str(settings.db_path),
        daemon=daemon,
    )


def _told(findings: Iterable[Finding], at: datetime) -> list[HealthReason]:
    return [
        HealthReason(
            check=finding.code,
            where=finding.subject,
            message=finding.said(at),
            advice=finding.action,
            seconds=None if (lasted := finding.seconds(at)) is None else round(lasted, 1),
        )
        for finding in findings
    ]
