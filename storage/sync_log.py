"""Writes what happened: events and the rows of runs, in order, many in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import Connection

from rules.events import Entry, EventName, RunClosed, RunOpened, SyncEvent
from rules.model import NOTHING, Counts, Outcome, RunRequest, RunStatus, SyncOptions
from storage.database import Database
from storage.schema import sync_events, sync_runs
from storage.times import as_instant, as_text

NOT_COMPLETE = frozenset({Outcome.PARTIAL, Outcome.FAILED})


class SyncLog:
    """`sync_events` and `sync_runs`, for the one writer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, entries: Sequence[Entry]) -> frozenset[int]:
        """Write the entries in this order, all or nothing; run ends are on disk on return.

        Returns the runs that they have ended. A run ends once: a second end is left out.
        The end of a product that did not come out complete also marks its cursor: the event and
        the failure it tells of are one fact. Raises StorageError.
        """
        durable = any(isinstance(entry, RunClosed) for entry in entries)
        with self._database.transaction(durable=durable) as connection:
            events: list[dict[str, object]] = []
            ended: set[int] = set()
            for entry in entries:
                event = _apply(connection, entry)
                if event is None:
                    continue
                if isinstance(entry, RunClosed):
                    ended.add(entry.result.run_id)
                events.append(_event_row(event))
                if event.outcome in NOT_COMPLETE and event.product_id is not None:
                    connection.exec_driver_sql(MARK_FAILED, _failure(event))
            if events:
                connection.execute(sync_events.insert(), events)
        if durable:
            self._database.checkpoint()
        return frozenset(ended)

    def next_run_id(self) -> int:
        """A run id that no run had before."""
        with self._database.transaction() as connection:
            row = connection.exec_driver_sql(NEXT_RUN_ID).one()
        return int(row[0])

    def close_interrupted(self, *, at: datetime) -> tuple[int, ...]:
        """End every run that a killed holder of the writer lock left running; returns their ids.

        Such a run lasted until its last event. Call it only while holding the lock.
        """
        with self._database.transaction(durable=True) as connection:
            left = connection.exec_driver_sql(LEFT_RUNNING).all()
            for run_id, started_at, last_sign in left:
                seconds = (as_instant(last_sign) - as_instant(started_at)) / timedelta(seconds=1)
                connection.exec_driver_sql(INTERRUPT, (last_sign, seconds, run_id))
                event = SyncEvent(
                    at=at,
                    event=EventName.RUN_INTERRUPTED,
                    run_id=run_id,
                    outcome=RunStatus.INTERRUPTED,
                    duration_seconds=seconds,
                )
                connection.execute(sync_events.insert(), [_event_row(event)])
        return tuple(run_id for run_id, _, _ in left)

    def forget_events(self, *, before: datetime) -> int:
        """Delete events older than `before`, but for the ends of runs; returns how many."""
        with self._database.transaction(patience=0.0) as connection:
            return connection.exec_driver_sql(FORGET, (as_text(before),)).rowcount


def _apply(connection: Connection, entry: Entry) -> SyncEvent | None:
    """Write the run's row where the entry has one, and give the event to write, if any."""
    if isinstance(entry, RunOpened):
        connection.execute(sync_runs.insert(), [_opened_row(entry)])
        return SyncEvent(
            at=entry.at,
            event=EventName.RUN_STARTED,
            run_id=entry.run_id,
            detail={"trigger_source": entry.request.trigger.value},
        )
    if isinstance(entry, RunClosed):
        if not _close_run(connection, entry):
            return None
        result = entry.result
        return SyncEvent(
            at=entry.at,
            event=EventName.RUN_FINISHED,
            run_id=result.run_id,
            outcome=result.status,
            duration_seconds=result.duration_seconds,
            counts=sum(result.counts.values(), NOTHING),
            problem=result.errors[0] if result.errors else None,
        )
    return entry


def _opened_row(entry: RunOpened) -> dict[str, object]:
    return {
        "id": entry.run_id,
        "status": RunStatus.RUNNING.value,
        "trigger_source": entry.request.trigger.value,
        "started_at": as_text(entry.at),
        **_request_columns(entry.request),
    }


def _request_columns(request: RunRequest) -> dict[str, object]:
    ids = request.scope.product_ids
    return {
        "phases": json.dumps(request.phases),
        "scope": None if ids is None else json.dumps({"product_ids": sorted(ids)}),
        "options": json.dumps(_options(request.options)),
    }


def _options(options: SyncOptions) -> dict[str, object]:
    return {
        name: as_text(value) if isinstance(value, datetime) else value
        for name, value in asdict(options).items()
    }


def _close_run(connection: Connection, entry: RunClosed) -> bool:
    """End the run's row; a run that ended before it began (it was queued) gets one.

    False if it had ended before.
    """
    ended = _closed_columns(entry)
    updated = connection.execute(
        sync_runs.update()
        .where(sync_runs.c.id == entry.result.run_id, sync_runs.c.status == "running")
        .values(ended)
    )
    if updated.rowcount:
        return True
    row = _request_columns(entry.request) | ended
    row |= {"id": entry.result.run_id, "started_at": as_text(entry.at)}
    row |= {"trigger_source": entry.request.trigger.value}
    inserted = connection.execute(sync_runs.insert().prefix_with("OR IGNORE"), row)
    return inserted.rowcount > 0


def _closed_columns(entry: RunClosed) -> dict[str, object]:
    result = entry.result
    total = sum(result.counts.values(), NOTHING)
    return {
        "status": result.status.value,
        "completed_at": as_text(entry.at),
        "duration_seconds": result.duration_seconds,
        "phases_completed": json.dumps(result.phases_completed),
        "products_synced": result.products_synced,
        "products_failed": result.products_failed,
        "features_refreshed": result.features_refreshed,
        "tests_discovered": result.tests_discovered,
        "tests_updated": result.tests_updated,
        "rows_new": total.new,
        "rows_changed": total.changed,
        "rows_unchanged": total.unchanged,
        "rows_quarantined": total.quarantined,
        "rows_revived": total.revived,
        "rows_gone": total.gone,
        "warnings": json.dumps(result.warnings),
        "errors": json.dumps([asdict(problem) for problem in result.errors]),
    }


def _event_row(event: SyncEvent) -> dict[str, object]:
    problem = event.problem
    return {
        "run_id": event.run_id,
        "at": as_text(event.at),
        "event": event.event.value,
        "phase": event.phase,
        "product_id": event.product_id,
        "outcome": event.outcome,
        "duration_seconds": round(event.duration_seconds, 6),
        "counts": None if event.counts is None else _counts(event.counts),
        "error_kind": None if problem is None else problem.kind.value,
        "error": None if problem is None else _error(event),
        "detail": _detail(event.detail),
    }


def _error(event: SyncEvent) -> str:
    """The message; with the place of the failure where the event has none of its own."""
    assert event.problem is not None
    return event.problem.message if event.phase else str(event.problem)


def _counts(counts: Counts) -> str:
    return json.dumps(asdict(counts))


def _detail(detail: Mapping[str, object]) -> str | None:
    return json.dumps(detail, default=str) if detail else None


def _failure(event: SyncEvent) -> dict[str, object]:
    assert event.phase is not None
    problem = event.problem
    return {
        "product_id": event.product_id,
        "kind": event.phase.kind.value,
        "outcome": event.outcome,
        "error": None if problem is None else f"{problem.kind.value}: {problem.message}",
        "at": as_text(event.at),
    }


NEXT_RUN_ID = """
SELECT 1 + max(
    (SELECT coalesce(max(id), 0) FROM sync_runs),
    (SELECT coalesce(max(run_id), 0) FROM sync_events)
)
"""

LEFT_RUNNING = """
SELECT id, started_at,
    max(started_at, coalesce((SELECT max(at) FROM sync_events WHERE run_id = sync_runs.id), ''))
FROM sync_runs WHERE status = 'running'
"""

INTERRUPT = """
UPDATE sync_runs SET status = 'interrupted', completed_at = ?, duration_seconds = ? WHERE id = ?
"""

FORGET = """
DELETE FROM sync_events
WHERE at < ? AND event NOT IN ('run_finished', 'run_interrupted')
"""

MARK_FAILED = """
INSERT INTO sync_cursors
    (product_id, kind, last_outcome, last_error, consecutive_failures, failing_since, updated_at)
SELECT :product_id, :kind, :outcome, :error, 1, :at, :at
WHERE :product_id = 0 OR EXISTS (SELECT 1 FROM products WHERE id = :product_id)
ON CONFLICT (product_id, kind) DO UPDATE SET
    last_outcome = excluded.last_outcome,
    last_error = excluded.last_error,
    consecutive_failures = consecutive_failures + 1,
    failing_since = coalesce(failing_since, excluded.failing_since),
    updated_at = excluded.updated_at
"""
