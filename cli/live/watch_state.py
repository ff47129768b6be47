"""What `watch` shows, as one value: the daemon's status, what the database tells, and rates."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cli.common import control_of
from cli.screens.remaining import usual_durations
from config.settings import Settings
from control.errors import ControlError, NoDaemon
from control.views import StatusReply
from rules.diagnosis.findings import Finding, Severity
from rules.model import SyncPhase, Trigger
from rules.run.eta import PhaseSoFar
from rules.run.progress import PhaseProgress, RunProgress
from rules.run.rate import Rate
from service.monitoring.outside import Look, look
from storage.engine import readonly
from storage.engine.errors import StorageError
from storage.engine.lock_holder import lock_path, present_holder
from storage.engine.readonly import Row
from storage.reads import queries, screen_queries

STATUS_TIMEOUT_SECONDS = 1.0
KEPT_ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """What the database tells. `rows`: of the products that have ended in the run at work."""

    runs: list[Row] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    usual: dict[str, float] = field(default_factory=dict)
    begun: dict[str, datetime] = field(default_factory=dict)
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One look. `wrong`: what needs somebody, the most urgent first.

    `run` is the run at work, of the daemon or of a one-shot sync; rates are None until known.
    """

    at: datetime
    database: str
    live: StatusReply | None
    run: RunProgress | None
    stored: StoredState
    wrong: tuple[Finding, ...] = ()
    requests_per_second: float | None = None
    rows_per_second: float | None = None

    def so_far(self, phase: PhaseProgress) -> PhaseSoFar:
        """The phase, for reckoning when it will end."""
        begun = self.stored.begun.get(phase.phase.value)
        return PhaseSoFar(
            total=phase.total,
            done=phase.complete + phase.failed,
            elapsed=0.0 if begun is None else max(0.0, (self.at - begun).total_seconds()),
            finished=phase.finished,
            usual=self.stored.usual.get(phase.phase.value),
        )


class Watcher:
    """Looks again and again, and remembers what rates are made of."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stored = StoredState()
        self._requests, self._rows = Rate(), Rate()
        self._of: tuple[int | None, int | None] = (None, None)
        self._usual: dict[int, dict[str, float]] = {}

    def look(self) -> Snapshot:
        """How it stands now. Never raises for a daemon or a database that is away."""
        seen = look(self._settings, timeout=STATUS_TIMEOUT_SECONDS)
        live = self._ask(seen)
        run = None if live is None else live.current_run
        try:
            with readonly.open_readonly(self._settings.db_path) as connection:
                if live is None and self._one_shot_works():
                    run = _run_in_database(connection)
                self._stored = _read(connection, run, live, self._usual_of(connection, run))
        except StorageError:
            pass  # told among what is wrong
        self._measure(live, run)
        return Snapshot(
            at=datetime.now(UTC),
            database=str(self._settings.db_path),
            live=live,
            run=run,
            stored=self._stored,
            wrong=tuple(f for f in seen.findings if live is None or _needs_somebody(f)),
            requests_per_second=self._requests.per_second,
            rows_per_second=self._rows.per_second,
        )

    def _usual_of(
        self, connection: sqlite3.Connection, run: RunProgress | None
    ) -> dict[str, float]:
        """How long the phases of the run usually take; read once a run."""
        if run is None:
            return {}
        if run.run_id not in self._usual:
            usual = usual_durations(connection, run.run_id)
            self._usual = {} if usual is None else {run.run_id: usual}
        return self._usual.get(run.run_id, {})

    def _ask(self, seen: Look) -> StatusReply | None:
        """What the daemon does; None where none answers, or it cannot say so just now."""
        if seen.daemon is None:
            return None
        try:
            return control_of(self._settings, timeout=STATUS_TIMEOUT_SECONDS).status()
        except (NoDaemon, ControlError):
            return None

    def _one_shot_works(self) -> bool:
        return present_holder(lock_path(self._settings.db_path)) is not None

    def _measure(self, live: StatusReply | None, run: RunProgress | None) -> None:
        """Feed the rates; another daemon counts requests anew, another run its rows."""
        now = time.monotonic()
        pid = None if live is None else live.daemon.pid
        run_id = None if run is None else run.run_id
        if pid != self._of[0]:
            self._requests.forget()
        if run_id != self._of[1]:
            self._rows.forget()
        self._of = (pid, run_id)
        if live is not None:
            self._requests.add(now, sum(live.remote.results.values()))
        if run is not None:
            in_hand = sum(worker.rows for worker in live.workers) if live else 0
            self._rows.add(now, self._stored.rows + in_hand)


def _needs_somebody(finding: Finding) -> bool:
    return finding.severity is not Severity.INFORMATION


def _read(
    connection: sqlite3.Connection,
    run: RunProgress | None,
    live: StatusReply | None,
    usual: dict[str, float],
) -> StoredState:
    named = [worker.product_id for worker in live.workers] if live else []
    begun = {} if run is None else screen_queries.phases_begun(connection, run.run_id)
    return StoredState(
        runs=queries.last_runs(connection, KEPT_ROWS),
        names=queries.product_names(connection, named),
        usual=usual,
        begun={phase: datetime.fromisoformat(at) for phase, at in begun.items()},
        rows=0 if run is None else screen_queries.rows_of_run(connection, run.run_id),
    )


def _run_in_database(connection: sqlite3.Connection) -> RunProgress | None:
    """The run that another process works on, as far as its events tell."""
    last = queries.last_runs(connection, 1)
    if not last or last[0]["status"] != "running":
        return None
    row = last[0]
    started_at = datetime.fromisoformat(row["started_at"])
    return RunProgress(
        run_id=row["id"],
        trigger_source=Trigger(row["trigger_source"]),
        started_at=started_at,
        elapsed_seconds=max(0.0, (datetime.now(UTC) - started_at).total_seconds()),
        cancelling=False,
        phases=tuple(_phases_in_database(connection, row)),
    )


def _phases_in_database(connection: sqlite3.Connection, run: Row) -> Iterator[PhaseProgress]:
    known = screen_queries.phases_of_run(connection, run["id"])
    nothing: Row = {"total": None, "complete": 0, "failed": 0, "finished": 0}
    for name in run["phases"]:
        found = known.get(name, nothing)
        yield PhaseProgress(
            phase=SyncPhase(name),
            total=found["total"],
            complete=found["complete"],
            failed=found["failed"],
            finished=bool(found["finished"]),
        )
