"""What is written down: the facts of `sync_events` and the two ends of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rules.model import Counts, Outcome, Problem, RunRequest, SyncPhase, SyncResult


class EventName(StrEnum):
    """The column `event` of `sync_events`. The names are public."""

    DAEMON_STARTED = "daemon_started"
    DAEMON_STOPPING = "daemon_stopping"
    DAEMON_GAVE_UP = "daemon_gave_up"
    DATABASE_REBUILT = "database_rebuilt"
    LOCK_RECOVERED = "lock_recovered"
    RUN_QUEUED = "run_queued"
    RUN_JOINED = "run_joined"
    RUN_STARTED = "run_started"
    RUN_CANCEL_REQUESTED = "run_cancel_requested"
    RUN_FINISHED = "run_finished"
    RUN_INTERRUPTED = "run_interrupted"
    PHASE_STARTED = "phase_started"
    PHASE_FINISHED = "phase_finished"
    PRODUCT_SYNCED = "product_synced"
    PRODUCT_FAILED = "product_failed"
    PRODUCT_SKIPPED = "product_skipped"
    TICK_SKIPPED = "tick_skipped"
    PAUSED = "paused"
    RESUMED = "resumed"
    SETTING_CHANGED = "setting_changed"
    RELOADED = "reloaded"
    RELOAD_REFUSED = "reload_refused"
    DELETIONS_ACCEPTED = "deletions_accepted"
    PROBLEM_CLEARED = "problem_cleared"
    ACTOR_CRASHED = "actor_crashed"
    ACTOR_REPLACED = "actor_replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncEvent:
    """One row of `sync_events`. A fact without a length has the duration 0."""

    at: datetime
    event: EventName
    run_id: int | None = None
    phase: SyncPhase | None = None
    product_id: int | None = None
    outcome: Outcome | str | None = None
    duration_seconds: float = 0.0
    counts: Counts | None = None
    problem: Problem | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOpened:
    """A run has begun: its row in `sync_runs`, and the event."""

    run_id: int
    at: datetime
    request: RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RunClosed:
    """A run has ended: its final row in `sync_runs`, and the event."""

    at: datetime
    request: RunRequest
    result: SyncResult


Entry = SyncEvent | RunOpened | RunClosed
"""What the Logger takes."""
