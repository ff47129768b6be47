"""What the daemon tells of itself on the control socket: its status and its health."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from control.body import Body
from rules.diagnosis.codes import Code
from rules.diagnosis.findings import Finding
from rules.model import SyncPhase
from rules.run.progress import RunProgress
from rules.run.remote_state import RemoteState
from rules.run.runtime_overrides import ChosenNumbers


class WorkerView(Body):
    """What one worker is doing. `pages` and `rows` of its product are stored already.

    `quiet_seconds`: for how long no page of it was stored. `retries`: attempts that failed and were
    made again, the last one because of `last_failure`.
    """

    role: str
    run_id: int
    phase: SyncPhase
    product_id: int
    pages: int
    rows: int
    seconds: float
    quiet_seconds: float
    retries: int = 0
    last_failure: str = ""


class LogPlace(StrEnum):
    """What a daemon's log goes to."""

    FILE = "file"
    JOURNAL = "journal"
    USER_JOURNAL = "user-journal"
    TERMINAL = "terminal"
    PIPE = "pipe"
    NOWHERE = "nowhere"


class LogView(Body):
    """Where a daemon's log goes. `name`: the path of a file or terminal, the unit of a journal."""

    place: LogPlace
    name: str | None = None

    def __str__(self) -> str:
        return f"{self.place.value} {self.name}" if self.name else self.place.value

    @classmethod
    def of_text(cls, text: str) -> LogView:
        """From what `str` made of it. Raises ValueError."""
        place, _, name = text.partition(" ")
        return cls(place=LogPlace(place), name=name or None)


class DaemonView(Body):
    """The daemon that answers, and where its log goes."""

    pid: int
    started_at: datetime
    version: str
    socket: str
    log: LogView | None = None


class StatusReply(Body):
    """`GET /v1/status`: what only the living daemon knows. The rest is in the database.

    `trouble`: why the daemon cannot write what happens (a full disk, say), and for how long.
    `missing`: roles that nobody could be started for, and why; each beat tries again.
    `workers` are those at work, `mailboxes` how many messages wait for each actor.
    `paused_until` null while paused: until somebody resumes.
    """

    daemon: DaemonView
    current_run: RunProgress | None
    queued_run_id: int | None
    trouble: str | None = None
    trouble_seconds: float = 0.0
    interval_seconds: float
    paused: bool
    paused_until: datetime | None = None
    next_run_at: datetime | None
    workers: list[WorkerView] = Field(default=[])
    mailboxes: dict[str, int] = Field(default={})
    missing: dict[str, str] = Field(default={})
    remote: RemoteState
    choices: ChosenNumbers = ChosenNumbers()


class HealthReason(Body):
    """A finding as a reason against health, or as a warning: for how many `seconds` it has been so.

    `check` is its code.
    """

    check: Code
    where: str
    message: str
    advice: str
    seconds: float | None = None


class HealthReply(Body):
    """`GET /v1/health`: with status 200 if healthy, else with 503.

    `findings` are all that is known to be wrong, the most urgent first; those that speak against
    health stand in `reasons`, those that are for people in `warnings`. `daemon` is null where the
    command line judges from outside.
    """

    healthy: bool
    reasons: list[HealthReason]
    warnings: list[HealthReason]
    findings: list[Finding] = Field(default=[])
    at: datetime
    database: str
    daemon: DaemonView | None
