"""Writes what happened: events and the rows of runs, in order, many in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from sqlite3 import Connection

from rules.model import NOTHING, Counts, Outcome, RunRequest, RunStatus, SyncOptions
from rules.run.events import Entry, EventName, RunClosed, RunOpened, SyncEvent
from storage.engine.database import Database
from storage.engine.times import as_instant, as_text

Row = dict[str, object]
EventRow = tuple[object, ...]

COUNTED = tuple(field.name for field in fields(Counts))
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
            events: list[EventRow] = []
            ended: set[int] = set()
            for entry in entries:
                event = _apply(connection, entry)
                if event is None:
                    continue
                if isinstance(entry, RunClosed):
                    ended.add(entry.result.run_id)
                events.append(_event_row(event))
                if event.outcome in NOT_COMPLETE and event.product_id is not None:
                    connection.execute(MARK_FAILED, _failure(event))
            if events:
                connection.executemany(EVENT, events)
        if durable:
            self._database.checkpoint()
        return frozenset(ended)

    def next_run_id(self) -> int:
        """A run id that no run had before."""
        with self._database.transaction() as connection:
            row = connection.execute(NEXT_RUN_ID).fetchone()
        return int(row[0])

    def close_interrupted(self, *, at: datetime) -> tuple[int, ...]:
        """End every run that a killed holder of the writer lock left running; returns their ids.

        Such a run lasted until its last event. Call it only while holding the lock.
        """
        with self._database.transaction(durable=True) as connection:
            left = connection.execute(LEFT_RUNNING).fetchall()
            for run_id, started_at, last_sign in left:
                seconds = (as_instant(last_sign) - as_instant(started_at)) / timedelta(seconds=1)
                connection.execute(INTERRUPT, (last_sign, seconds, run_id))
                event = SyncEvent(
                    at=at,
                    event=EventName.RUN_INTERRUPTED,
                    run_id=run_id,
                    outcome=RunStatus.INTERRUPTED,
                    duration_seconds=seconds,
                )
                connection.execute(EVENT, _event_row(event))
        return tuple(run_id for run_id, _, _ in left)

    def forget_events(self, *, before: datetime) -> int:
        """Delete events older than `before`, but for the ends of runs; returns how many."""
        with self._database.transaction(patience=0.0) as connection:
            return connection.execute(FORGET, (as_text(before),)).rowcount


def _apply(connection: Connection, entry: Entry) -> SyncEvent | None:
    """Write the run's row where the entry has one, and give the event to write, if any."""
    if isinstance(entry, RunOpened):
        row = _opened_row(entry)
        connection.execute(_insert_run(row), row)
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


def _opened_row(entry: RunOpened) -> Row:
    return {
        "id": entry.run_id,
        "status": RunStatus.RUNNING.value,
        "trigger_source": entry.request.trigger.value,
        "started_at": as_text(entry.at),
        **_request_columns(entry.request),
    }


def _request_columns(request: RunRequest) -> Row:
    ids = request.scope.product_ids
    return {
        "phases": json.dumps(request.phases),
        "scope": None if ids is None else json.dumps({"product_ids": sorted(ids)}),
        "options": json.dumps(_options(request.options)),
    }


def _options(options: SyncOptions) -> Row:
    return {
        name: as_text(value) if isinstance(value, datetime) else value
        for name, value in asdict(options).items()
    }


def _close_run(connection: Connection, entry: RunClosed) -> bool:
    """End the run's row; a run that ended before it began (it was queued) gets one.

    False if it had ended before.
    """
    ended: Row = {"id": entry.result.run_id, **_closed_columns(entry)}
    settings = ", ".join(f"{name} = :{name}" for name in ended)
    updated = connection.execute(
        f"UPDATE sync_runs SET {settings} WHERE id = :id AND status = 'running'", ended
    )
    if updated.rowcount:
        return True
    row = _request_columns(entry.request) | ended
    row |= {"started_at": as_text(entry.at), "trigger_source": entry.request.trigger.value}
    return connection.execute(_insert_run(row, "INSERT OR IGNORE"), row).rowcount > 0


def _insert_run(row: Row, verb: str = "INSERT") -> str:
    values = ", ".join(f":{name}" for name in row)
    return f"{verb} INTO sync_runs ({', '.join(row)}) VALUES ({values})"


def _closed_columns(entry: RunClosed) -> Row:
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


def _event_row(event: SyncEvent) -> EventRow:
    """In the order of EVENT's columns."""
    problem = event.problem
    return (
        event.run_id,
        as_text(event.at),
        event.event.value,
        event.phase,
        event.product_id,
        event.outcome,
        round(event.duration_seconds, 6),
        None if event.counts is None else _counts(event.counts),
        None if problem is None else problem.kind.value,
        None if problem is None else _error(event),
        _detail(event.detail),
    )


def _error(event: SyncEvent) -> str:
    """The message; with the place of the failure where the event has none of its own."""
    assert event.problem is not None
    return event.problem.message if event.phase else str(event.problem)


def _counts(counts: Counts) -> str:
    """Field by field: `asdict` would take longer than all the rest of the row."""
    return json.dumps({name: getattr(counts, name) for name in COUNTED})


def _detail(detail: Mapping[str, object]) -> str | None:
    return json.dumps(detail, default=str) if detail else None


def _failure(event: SyncEvent) -> Row:
    assert event.phase is not None
    problem = event.problem
    return {
        "product_id": event.product_id,
        "kind": event.phase.kind.value,
        "outcome": event.outcome,
        "error": None if problem is None else f"{problem.kind.value}: {problem.message}",
        "at": as_text(event.at),
    }


EVENT = """
INSERT INTO sync_events
    (run_id, at, event, phase, product_id, outcome, duration_seconds, counts, error_kind, error,
     detail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

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
