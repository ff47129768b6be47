"""What happens as lines of the log: one cause once a run, and nothing for what is as it was."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

import structlog

from rules.diagnosis.catalogue import CATALOGUE
from rules.diagnosis.codes import Code
from rules.model import ErrorKind, Outcome, Problem, RunStatus, SyncResult
from rules.run.events import Entry, EventName, RunClosed, RunOpened, SyncEvent
from rules.run.problem_lines import problem_lines

log = structlog.get_logger("sync")
LEVEL = logging.getLogger("sync")
"""Asked before a line is put together: most events are never shown at the level WARNING."""

OF_PRODUCTS: Final = frozenset(
    {EventName.PRODUCT_SYNCED, EventName.PRODUCT_FAILED, EventName.PRODUCT_SKIPPED}
)
LEVELS = {
    EventName.ACTOR_CRASHED: logging.ERROR,
    EventName.ACTOR_REPLACED: logging.WARNING,
    EventName.DAEMON_GAVE_UP: logging.ERROR,
    EventName.RELOAD_REFUSED: logging.ERROR,
}
OF_RUNS = {RunStatus.FAILED: logging.ERROR, RunStatus.PARTIAL: logging.WARNING}
NOT_WELL = frozenset({Outcome.PARTIAL, Outcome.FAILED, Outcome.SKIPPED})
PROBLEMS = 5
"""Lines of problems at most in one line of the log; the database has all."""


class EventLog:
    """Thread-safe; whoever records an entry shows it, on its own thread.

    `product_name` tells the name of a product, if it is known; it is asked only for lines that
    are shown.
    """

    def __init__(self, product_name: Callable[[int], str | None] = lambda _id: None) -> None:
        self._product_name = product_name
        self._lock = threading.Lock()
        self._run_id: int | None = None
        self._causes: set[ErrorKind] = set()

    def show(self, entry: Entry) -> None:
        """One line an entry, at a level that fits it."""
        if isinstance(entry, RunOpened):
            log.info(
                "run_started",
                run_id=entry.run_id,
                trigger_source=entry.request.trigger.value,
                phases=[phase.value for phase in entry.request.phases],
            )
        elif isinstance(entry, RunClosed):
            _show_result(entry.result)
        else:
            self._show_event(entry)

    def _show_event(self, event: SyncEvent) -> None:
        level = LEVELS.get(event.event, logging.INFO)
        if event.event in OF_PRODUCTS:
            level = self._level_of_product(event)
        if LEVEL.isEnabledFor(level):
            log.log(level, event.event.value, **self._fields(event), **event.detail)

    def _level_of_product(self, event: SyncEvent) -> int:
        """A cause that was told in this run is not told again; its end tells how often it came."""
        if event.outcome not in NOT_WELL:
            counts = event.counts
            is_new = counts is not None and (counts.new or counts.changed or counts.gone)
            return logging.INFO if is_new else logging.DEBUG
        problem = event.problem
        if problem is None or not self._is_first(event.run_id, problem.kind):
            return logging.DEBUG
        if problem.kind is ErrorKind.UNAUTHORIZED:
            _show_refusal(event.run_id, problem)
        return logging.WARNING

    def _is_first(self, run_id: int | None, cause: ErrorKind) -> bool:
        with self._lock:
            if run_id != self._run_id:
                self._run_id, self._causes = run_id, set()
            is_first = cause not in self._causes
            self._causes.add(cause)
            return is_first

    def _fields(self, event: SyncEvent) -> dict[str, object]:
        fields: dict[str, object | None] = {
            "run_id": event.run_id,
            "phase": event.phase,
            "product_id": event.product_id or None,  # the product list is no product
            "product_name": self._name_of(event.product_id),
            "outcome": event.outcome,
            "duration_seconds": round(event.duration_seconds, 3) or None,
        }
        if event.problem is not None:
            fields |= {"error_kind": event.problem.kind.value, "error": event.problem.message}
        if event.counts is not None:
            fields |= {"new": event.counts.new, "changed": event.counts.changed}
        return {name: value for name, value in fields.items() if value is not None}

    def _name_of(self, product_id: int | None) -> str | None:
        return self._product_name(product_id) if product_id else None


def _show_refusal(run_id: int | None, problem: Problem) -> None:
    action = CATALOGUE[Code.UNAUTHORIZED].action_with()
    log.error("token_refused", run_id=run_id, error=problem.message, advice=action)


def _show_result(result: SyncResult) -> None:
    lines, left = problem_lines(result.errors)
    told = [*lines[:PROBLEMS], *(["and more"] if left or len(lines) > PROBLEMS else [])]
    log.log(
        OF_RUNS.get(result.status, logging.INFO),
        "run_finished",
        run_id=result.run_id,
        status=result.status.value,
        duration_seconds=round(result.duration_seconds, 3),
        products_synced=result.products_synced,
        products_failed=result.products_failed,
        features_refreshed=result.features_refreshed,
        tests_discovered=result.tests_discovered,
        tests_updated=result.tests_updated,
        **({"problems": told} if told else {}),
    )
