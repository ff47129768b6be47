"""What a screen reads of the database: how long phases took, and how far a run is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from cli.screens.remaining import usual_durations
from cli.screens.run_lines import RunLines
from rules.model import (
    Counts,
    ErrorKind,
    Outcome,
    Problem,
    RunRequest,
    RunStatus,
    SyncOptions,
    SyncPhase,
    SyncResult,
    SyncScope,
    Trigger,
)
from rules.run.events import EventName, RunClosed, RunOpened, SyncEvent
from storage.engine import readonly
from storage.engine.database import Database
from storage.reads import screen_queries
from storage.writes.sync_log import SyncLog

AT = datetime(2026, 1, 31, 8, tzinfo=UTC)
ALL = RunRequest(trigger=Trigger.SCHEDULE)
FORCED = RunRequest(trigger=Trigger.CLI, options=SyncOptions(force=True))
ONE_PRODUCT = RunRequest(trigger=Trigger.CLI, scope=SyncScope(product_ids=frozenset({18})))


@pytest.fixture
def connection(database: Database) -> Iterator[sqlite3.Connection]:
    with readonly.open_readonly(database.path) as opened:
        yield opened


def event(run_id: int, name: EventName, **more: object) -> SyncEvent:
    return SyncEvent(at=AT, event=name, run_id=run_id, phase=SyncPhase.FEATURES, **more)  # type: ignore[arg-type]


def past_run(
    database: Database,
    run_id: int,
    seconds: float,
    request: RunRequest = ALL,
    outcome: Outcome = Outcome.COMPLETE,
) -> None:
    result = SyncResult(
        run_id=run_id,
        status=RunStatus.SUCCESS,
        trigger_source=request.trigger,
        phases_completed=(SyncPhase.FEATURES,),
        duration_seconds=seconds,
    )
    finished = event(run_id, EventName.PHASE_FINISHED, outcome=outcome, duration_seconds=seconds)
    SyncLog(database).write(
        [
            RunOpened(run_id=run_id, at=AT, request=request),
            finished,
            RunClosed(at=AT + timedelta(seconds=seconds), request=request, result=result),
        ]
    )


def open_run(database: Database, run_id: int, request: RunRequest = ALL) -> None:
    SyncLog(database).write([RunOpened(run_id=run_id, at=AT, request=request)])


def test_only_runs_like_this_one_tell_how_long_it_takes(
    database: Database, connection: sqlite3.Connection
) -> None:
    for run_id, seconds in enumerate([900.0, 10.0, 30.0, 20.0, 11.0, 12.0], start=1):
        past_run(database, run_id, seconds)
    past_run(database, 7, 500.0, FORCED)
    past_run(database, 8, 1.0, ONE_PRODUCT)
    past_run(database, 9, 2.0, outcome=Outcome.PARTIAL)
    open_run(database, 10)
    open_run(database, 11, FORCED)
    open_run(database, 12, RunRequest(trigger=Trigger.API, phases=(SyncPhase.FEATURES,)))
    assert usual_durations(connection, 10) == {"features": 12.0}, "the last five, in the middle"
    assert usual_durations(connection, 11) == {"features": 500.0}
    assert usual_durations(connection, 12) == {"features": 12.0}, "whoever asked, whatever phases"
    assert usual_durations(connection, 1) == {}
    assert usual_durations(connection, 99) is None, "it is not written down yet"


def test_how_far_a_run_is(database: Database, connection: sqlite3.Connection) -> None:
    open_run(database, 3)
    ended = EventName.PRODUCT_SYNCED
    counts = Counts(new=3, unchanged=4, gone=50)
    SyncLog(database).write(
        [
            event(3, EventName.PHASE_STARTED, detail={"products": 5}),
            event(3, ended, product_id=1, outcome=Outcome.COMPLETE, counts=counts),
            event(3, ended, product_id=2, outcome=Outcome.PARTIAL, counts=Counts(changed=1)),
            event(3, EventName.PRODUCT_FAILED, product_id=3, outcome=Outcome.FAILED),
        ]
    )
    phases = screen_queries.phases_of_run(connection, 3)
    assert phases == {
        "features": {"phase": "features", "total": 5, "complete": 1, "failed": 2, "finished": 0}
    }
    assert screen_queries.rows_of_run(connection, 3) == 8
    assert screen_queries.phases_begun(connection, 3) == {"features": "2026-01-31T08:00:00.000000Z"}
    assert screen_queries.rows_of_run(connection, 4) == 0


def test_a_run_as_lines(database: Database) -> None:
    log, lines = SyncLog(database), RunLines(database.path, 1)
    why = Problem(kind=ErrorKind.SERVER_ERROR, message="the remote\nfailed")
    log.write(
        [
            event(2, EventName.PHASE_STARTED, detail={"products": 9}),
            event(1, EventName.PHASE_STARTED, detail={"products": 4}),
            event(1, EventName.PRODUCT_SYNCED, product_id=1, outcome=Outcome.COMPLETE),
            event(1, EventName.PRODUCT_FAILED, product_id=2, outcome=Outcome.FAILED, problem=why),
        ]
    )
    assert [(line.text, line.is_failure) for line in lines.new()] == [
        ("features: begun, 4 to do", False),
        ("features: product 2 failed: server_error: the remote\\nfailed", True),
    ]
    assert lines.new() == []
    log.write(
        [
            event(1, EventName.PRODUCT_SKIPPED, product_id=3, outcome=Outcome.SKIPPED),
            event(1, EventName.PRODUCT_SYNCED, product_id=4, outcome=Outcome.COMPLETE),
            event(1, EventName.PHASE_FINISHED, outcome=Outcome.PARTIAL),
        ]
    )
    assert [line.text for line in lines.new()] == ["features: done, 2 of 4, 2 not complete"]
    assert RunLines(database.path.with_name("no.db"), 1).new() == []
