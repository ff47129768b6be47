"""How far a run is while it works: for screens, the control socket and the watchdog."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rules.model import SyncPhase, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseProgress:
    """How far one phase is, in products; `total` is null until the phase has begun."""

    phase: SyncPhase
    total: int | None
    complete: int
    failed: int
    finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress:
    """How far the run at work is."""

    run_id: int
    trigger_source: Trigger
    started_at: datetime
    elapsed_seconds: float
    cancelling: bool
    phases: tuple[PhaseProgress, ...]
