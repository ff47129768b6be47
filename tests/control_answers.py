"""Handlers of the control API that note what they were asked, and answer what a test wants."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

from control.errors import NoSuchEntry
from control.protocol import (
    ChoiceReply,
    ConcurrencyBody,
    DecisionReply,
    EventsReply,
    FetchBody,
    FetchedView,
    FetchReply,
    IntervalBody,
    PauseBody,
    RateBody,
    ReloadReply,
    RetryBody,
    RetryReply,
    RunView,
    StartRunBody,
    StartRunReply,
    Word,
    WordReply,
)
from control.views import DaemonView, HealthReply, StatusReply
from rules.mirror.fetching import FetchState
from rules.model import BreakerState, Kind, RunStatus, Trigger
from rules.run.admission import Admission
from rules.run.remote_state import RemoteState

STATUS = StatusReply(
    daemon=DaemonView(pid=1, started_at=datetime.now(UTC), version="1", socket="s"),
    current_run=None,
    queued_run_id=None,
    interval_seconds=900,
    paused=False,
    next_run_at=None,
    remote=RemoteState(
        results={},
        retries=0,
        in_flight=0,
        connections=10,
        requests_per_second=0,
        parked_seconds=0.0,
        breaker=BreakerState.CLOSED,
        open_seconds=0.0,
        last_failure="",
    ),
)


@dataclass
class Answers:
    """Handlers that note what they were asked."""

    asked: list[StartRunBody] = field(default_factory=list)
    fetches: list[FetchBody] = field(default_factory=list)
    fetch_waits: bool = False
    waits: list[float] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    broken: BaseException | None = None
    healthy: bool = True

    def status(self) -> StatusReply:
        if self.broken is not None:
            raise self.broken
        return STATUS

    def health(self) -> HealthReply:
        if self.broken is not None:
            raise self.broken
        return HealthReply(
            healthy=self.healthy,
            reasons=[],
            warnings=[],
            at=datetime.now(UTC),
            database="testio.db",
            daemon=STATUS.daemon,
        )

    def metrics(self, accept: str) -> tuple[bytes, str]:
        return f"# {accept}\n".encode(), "text/plain; version=0.0.4"

    def start_run(self, body: StartRunBody) -> StartRunReply:
        self.asked.append(body)
        return StartRunReply(word=Admission.STARTED, run_id=7)

    def run(self, run_id: int, wait: int) -> RunView:
        if run_id != 7:
            raise NoSuchEntry(f"there is no run {run_id}")
        return RunView(run_id=7, status=RunStatus.SUCCESS, trigger_source=Trigger.CLI)

    def cancel(self) -> WordReply:
        return WordReply(word=Word.NOTHING_TO_CANCEL)

    def events(self, since: int | None, run: int | None, limit: int, wait: int) -> EventsReply:
        self.waits.append(wait)
        if wait:
            self.let_go.wait(wait)
        return EventsReply(events=[], last_id=since or 0)

    def fetch(self, body: FetchBody) -> FetchReply:
        self.fetches.append(body)
        if self.fetch_waits:
            self.let_go.wait(5.0)
        ids = body.product_ids or body.test_ids or [0]
        return FetchReply(outcomes=[FetchedView(id=key, state=FetchState.REFRESHED) for key in ids])

    def cancel_product(self, product_id: int) -> WordReply:
        return WordReply(word=Word.CANCELLING, run_id=product_id)

    def interval(self, body: IntervalBody) -> ChoiceReply:
        return self._chosen(body.seconds)

    def concurrency(self, body: ConcurrencyBody) -> ChoiceReply:
        return self._chosen(body.requests)

    def rate(self, body: RateBody) -> ChoiceReply:
        return self._chosen(body.per_second)

    def _chosen(self, value: float | None) -> ChoiceReply:
        chosen = value is not None
        return ChoiceReply(word=Word.CHANGED, value=value or 0, before=1, chosen=chosen)

    def reload(self) -> ReloadReply:
        if self.broken is not None:
            raise self.broken
        return ReloadReply(word=Word.RELOADED, changed=["LOG_LEVEL"], needs_restart=[])

    def pause(self, body: PauseBody) -> WordReply:
        return WordReply(word=Word.PAUSED)

    def resume(self) -> WordReply:
        return WordReply(word=Word.RESUMED)

    def accept_deletions(self, entry_id: int) -> DecisionReply:
        if entry_id != 3:
            raise NoSuchEntry(f"no deletions are held under the id {entry_id}")
        return DecisionReply(
            word=Word.ACCEPTED, id=entry_id, product_id=18, kind=Kind.TESTS, rows=2
        )

    def retry_problems(self, body: RetryBody) -> RetryReply:
        return RetryReply(word=Word.RETRYING, ids=body.ids or [1, 2], run_id=7)

    def clear_problem(self, entry_id: int) -> DecisionReply:
        return DecisionReply(word=Word.CLEARED, id=entry_id, product_id=18, kind=Kind.TESTS)

    def drain(self) -> WordReply:
        return WordReply(word=Word.STOPPING)
