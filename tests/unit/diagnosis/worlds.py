"""Observations for tests of the diagnosis: all is well, but for what a test names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rules.diagnosis.codes import Code
from rules.diagnosis.diagnose import Diagnosis, diagnose
from rules.diagnosis.findings import Finding
from rules.diagnosis.limits import Limits
from rules.diagnosis.observations import (
    Access,
    DaemonSeen,
    DaemonState,
    ListingSeen,
    MirrorSeen,
    Observations,
    Presence,
)
from rules.model import Kind

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LIMITS = Limits.of(interval=900, reconcile=86_400, max_age=0, request_timeout=30)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def listing(product_id: int = 18, kind: Kind = Kind.TESTS, **given: Any) -> ListingSeen:
    """One that was read completely a minute ago."""
    usual: dict[str, Any] = {
        "known_since": ago(1e6),
        "complete_as_of": ago(60),
        "current_as_of": ago(60),
        "tried_at": ago(60),
    }
    return ListingSeen(product_id=product_id, kind=kind, **usual | given)


def product_list(**given: Any) -> ListingSeen:
    return listing(0, Kind.PRODUCTS, **given)


def failing(product_id: int, error: str, since: float = 60, **given: Any) -> ListingSeen:
    return listing(product_id, failing_since=ago(since), error=error, **given)


def never(product_id: int, known: float = 10, **given: Any) -> ListingSeen:
    """One that was not fetched yet."""
    usual = {"complete_as_of": None, "current_as_of": None, "tried_at": None}
    return listing(product_id, **usual | {"known_since": ago(known)} | given)


def seen(
    *listings: ListingSeen,
    presence: Presence = Presence.ANSWERS,
    state: DaemonState | None = None,
    daemon: dict[str, Any] | None = None,
    mirror: dict[str, Any] | None = None,
    **given: Any,
) -> Observations:
    """Something is seen of a daemon that answers and of a mirror that can be read."""
    known = state or (DaemonState() if presence is Presence.ANSWERS else None)
    return Observations(
        now=NOW,
        daemon=DaemonSeen(presence=presence, state=known, **daemon or {}),
        mirror=MirrorSeen(
            **{"path": "/m.db", "access": Access.READ, "listings": listings} | (mirror or {})
        ),
        **given,
    )


def found(observed: Observations, limits: Limits = LIMITS) -> Diagnosis:
    return diagnose(observed, limits)


def only(observed: Observations, limits: Limits = LIMITS) -> Finding:
    """The one finding that there is."""
    findings = diagnose(observed, limits)
    assert len(findings) == 1, [finding.said(NOW) for finding in findings]
    return findings[0]


def codes(observed: Observations, limits: Limits = LIMITS) -> list[Code]:
    return [finding.code for finding in diagnose(observed, limits)]
