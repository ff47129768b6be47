"""What the daemon does for each request on the control socket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from actors.base import NoAnswer
from actors.system import ActorSystem
from config.settings import Settings
from config.threads import NoThread, is_no_thread
from control.errors import NoSuchEntry, TryAgain
from control.protocol import (
    MAX_WAIT_SECONDS,
    ChoiceReply,
    ConcurrencyBody,
    DecisionReply,
    EventsReply,
    FetchBody,
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
from rules.diagnosis.findings import Finding
from rules.model import RunStatus, Trigger
from rules.run.remote_state import RemoteState
from service.assembly import make_request, request_of
from service.daemon.operator import Operator
from service.daemon.runtime_control import RuntimeControl
from service.daemon.views import (
    view_of_activity,
    view_of_row,
)
from service.log_place import with_log
from service.monitoring.lookout import Lookout
from service.monitoring.metrics import Exporter
from service.read_through.fetch_requests import entities_of, reply_of
from service.read_through.fetcher import Fetcher
from storage.engine import readonly
from storage.engine.errors import StorageError
from storage.reads import queries

T = TypeVar("T")

POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlHandlers:
    """Asks the actors, reads the database; called from any thread of the control server."""

    runtime: RuntimeControl
    system: ActorSystem
    fetcher: Fetcher
    daemon: DaemonView
    stopping: threading.Event
    operator: Operator
    remote: Callable[[], RemoteState]
    lookout: Lookout
    exporter: Exporter

    @property
    def settings(self) -> Settings:
        """The settings as they are now."""
        return self.runtime.configuration.settings

    def status(self) -> StatusReply:
        """What only the living daemon knows."""
        state = _answered(self.system.status)
        schedule = _answered(self.system.schedule)
        trouble = self.lookout.trouble(datetime.now(UTC))
        return StatusReply(
            daemon=with_log(self.daemon, self.settings.log_file),
            current_run=state.current,
            queued_run_id=state.queued_run_id,
            trouble=None if trouble is None else trouble.text,
            trouble_seconds=0.0 if trouble is None else _seconds(trouble),
            interval_seconds=schedule.interval_seconds,
            paused=schedule.paused,
            paused_until=schedule.paused_until,
            next_run_at=schedule.next_run_at,
            workers=[view_of_activity(each, self.system.elapsed()) for each in self.system.busy()],
            mailboxes=self.system.mailboxes(),
            missing=self.system.missing(),
            remote=self.remote(),
            choices=self.runtime.configuration.overrides,
        )

    def health(self) -> HealthReply:
        """Whether all is well."""
        return self.lookout.reply()

    def metrics(self, accept: str) -> tuple[bytes, str]:
        """Everything that is counted, for Prometheus."""
        return self.exporter.page(accept)

    def start_run(self, body: StartRunBody) -> StartRunReply:
        """Start, join or queue a run."""
        request = request_of(self.settings, body)
        admitted = _answered(lambda: self.system.start_run(request))
        return StartRunReply(word=admitted.word, run_id=admitted.run_id)

    def run(self, run_id: int, wait: int) -> RunView:
        """One run, after waiting for its end."""
        give_up_at = time.monotonic() + wait
        while not self._has_ended(run_id) and time.monotonic() < give_up_at:
            if self.stopping.is_set() or self.system.wait_for(run_id, timeout=POLL_SECONDS):
                break
        if (view := self._find(run_id)) is None:
            raise NoSuchEntry(f"there is no run {run_id}, or it has not begun yet")
        return view

    def _has_ended(self, run_id: int) -> bool:
        view = self._find(run_id)
        return view is not None and view.status is not RunStatus.RUNNING

    def _find(self, run_id: int) -> RunView | None:
        with _using_the_database(), readonly.open_readonly(self.settings.db_path) as connection:
            row = queries.run(connection, run_id)
        return None if row is None else view_of_row(row)

    def cancel(self) -> WordReply:
        """End the run at work."""
        run_id = _answered(lambda: self.system.cancel("cancelled by an operator"))
        word = Word.NOTHING_TO_CANCEL if run_id is None else Word.CANCELLING
        return WordReply(word=word, run_id=run_id)

    def events(self, since: int | None, run: int | None, limit: int, wait: int) -> EventsReply:
        """Events, after waiting for the first one that is new."""
        give_up_at = time.monotonic() + wait
        while True:
            with _using_the_database(), readonly.open_readonly(self.settings.db_path) as connection:
                rows = queries.events(connection, since=since, run_id=run, limit=limit)
            if rows or time.monotonic() >= give_up_at or self.stopping.is_set():
                return EventsReply(events=rows, last_id=rows[-1]["id"] if rows else since or 0)
            self.stopping.wait(POLL_SECONDS)

    def fetch(self, body: FetchBody) -> FetchReply:
        """Fetch what is not known well enough, each entity once however many ask."""
        if self.stopping.is_set():
            raise TryAgain("the daemon is stopping; try again")
        outcomes = self.fetcher.refresh(
            entities_of(body), body.not_before, seconds=MAX_WAIT_SECONDS
        )
        return reply_of(outcomes)

    def cancel_product(self, product_id: int) -> WordReply:
        """Leave a product out of the run at work."""
        path = self.settings.db_path
        with _using_the_database(), readonly.open_readonly(path) as connection:
            known = queries.known_products(connection)
        if known is not None and product_id not in known:
            raise NoSuchEntry(f"there is no product {product_id} in the product list")
        why = f"product {product_id} was left out by an operator"
        run_id = _answered(lambda: self.system.cancel_product(product_id, why))
        word = Word.NOTHING_TO_CANCEL if run_id is None else Word.CANCELLING
        return WordReply(word=word, run_id=run_id)

    def pause(self, body: PauseBody) -> WordReply:
        """No more periodic runs, for so long or until resumed."""
        return self._applied(lambda: self.runtime.pause(body.seconds))

    def resume(self) -> WordReply:
        """Periodic runs again."""
        return self._applied(self.runtime.resume)

    def interval(self, body: IntervalBody) -> ChoiceReply:
        """Periodic runs every so many seconds."""
        return self._applied(lambda: self.runtime.set_interval(body.seconds))

    def concurrency(self, body: ConcurrencyBody) -> ChoiceReply:
        """So many requests at once."""
        return self._applied(lambda: self.runtime.set_concurrency(body.requests))

    def rate(self, body: RateBody) -> ChoiceReply:
        """So many requests a second."""
        return self._applied(lambda: self.runtime.set_rate(body.per_second))

    def reload(self) -> ReloadReply:
        """Read settings and token again."""
        return self._applied(self.runtime.reload)

    def _applied(self, change: Callable[[], T]) -> T:
        with _using_the_database(), _with_threads():
            return _answered(change)

    def accept_deletions(self, entry_id: int) -> DecisionReply:
        """Mark the rows of a held set as deleted."""
        with _using_the_database():
            return self.operator.accept_deletions(entry_id)

    def retry_problems(self, body: RetryBody) -> RetryReply:
        """Open problems are due now, and a run takes them up."""
        with _using_the_database():
            reply = self.operator.retry_problems(body.ids)
        if not reply.phases:
            return reply
        request = make_request(
            self.settings, Trigger.CLI, phases=reply.phases, product_ids=reply.product_ids
        )
        admitted = _answered(lambda: self.system.start_run(request))
        return reply.model_copy(update={"admission": admitted.word, "run_id": admitted.run_id})

    def clear_problem(self, entry_id: int) -> DecisionReply:
        """Close an entry of the quarantine."""
        with _using_the_database():
            return self.operator.clear_problem(entry_id)

    def drain(self) -> WordReply:
        """Stop the daemon."""
        self.stopping.set()
        return WordReply(word=Word.STOPPING)


def _seconds(finding: Finding) -> float:
    return round(finding.seconds(datetime.now(UTC)) or 0.0, 1)


def _answered(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except NoAnswer as error:
        raise TryAgain(f"{error}; try again") from error


@contextmanager
def _using_the_database() -> Iterator[None]:
    """A database that cannot be used is a reason to answer 503, not a failure of the daemon."""
    try:
        yield
    except StorageError as error:
        raise TryAgain(str(error)) from error


@contextmanager
def _with_threads() -> Iterator[None]:
    """So is a thread that cannot be started."""
    try:
        yield
    except RuntimeError as error:
        if not is_no_thread(error):
            raise
        raise TryAgain(str(NoThread())) from error
