"""The mirror on disk: rows, cursors, freshness, runs and events."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.model import (
    Counts,
    ErrorKind,
    Kind,
    Outcome,
    Problem,
    RunRequest,
    RunStatus,
    SyncPhase,
    SyncResult,
    Trigger,
)
from rules.records import BadRow, CursorMove, ListingMark, Page
from rules.run.events import EventName, RunClosed, RunOpened, SyncEvent
from storage.engine import readonly
from storage.engine.database import Database
from storage.engine.times import as_text
from storage.reads import queries
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog
from tests.fakes import START, a_test, feature, product

LATER = START + timedelta(hours=1)


@pytest.fixture
def mirror(database: Database) -> MirrorRows:
    return MirrorRows(database)


@pytest.fixture
def events(database: Database) -> SyncLog:
    return SyncLog(database)


@pytest.fixture
def sql(database: Database) -> Iterator[Any]:
    """Run a query as a reader of the file would."""
    with closing(sqlite3.connect(database.path)) as connection:
        yield lambda query, *values: connection.execute(query, values).fetchall()


def products_page(*ids: int) -> Page:
    return Page(
        product_id=0,
        kind=Kind.PRODUCTS,
        records=tuple(product(key) for key in ids),
        cursor=CursorMove(as_of=START),
    )


def failed(product_id: int, phase: SyncPhase, at: datetime) -> SyncEvent:
    return SyncEvent(
        at=at,
        event=EventName.PRODUCT_FAILED,
        run_id=1,
        phase=phase,
        product_id=product_id,
        outcome=Outcome.FAILED,
        duration_seconds=0.5,
        problem=Problem(kind=ErrorKind.TIMEOUT, message="too late"),
    )


# -- rows --------------------------------------------------------------------------------------


def test_rows_are_written_only_when_they_changed(mirror: MirrorRows, sql: Any) -> None:
    page = Page(product_id=1, kind=Kind.TESTS, records=(a_test(1, 1), a_test(2, 1)))
    page = replace(page, listing=ListingMark(id=1, full=True))
    assert mirror.store_page(page, run_id=1, at=START).counts == Counts(new=2)
    second = replace(
        page,
        listing=ListingMark(id=2, full=True),
        records=(a_test(1, 1), a_test(2, 1, "renamed"), a_test(3, 1)),
    )
    stored = mirror.store_page(second, run_id=2, at=LATER)
    assert stored.counts == Counts(new=1, changed=1, unchanged=1)
    rows = sql("SELECT id, title, first_seen_at, changed_at, synced_at, listed_in FROM tests")
    first, later = as_text(START), as_text(LATER)
    assert sorted(rows) == [
        (1, "a test", first, first, later, 2),
        (2, "renamed", first, later, later, 2),
        (3, "a test", later, later, later, 2),
    ]


def test_a_page_and_its_cursor_are_one_transaction(
    mirror: MirrorRows, database: Database, sql: Any
) -> None:
    page = Page(
        product_id=1,
        kind=Kind.FEATURES,
        records=(feature(5, 1), replace(feature(6, 1), data=object())),  # type: ignore[arg-type]
        cursor=CursorMove(as_of=START),
    )
    with pytest.raises(Exception, match="not supported"):
        mirror.store_page(page, run_id=1, at=START)
    assert sql("SELECT count(*) FROM features") == [(0,)]
    assert sql("SELECT count(*) FROM sync_cursors") == [(0,)]
    good = replace(page, records=(feature(5, 1),))
    mirror.store_page(good, run_id=1, at=START)
    assert sql("SELECT complete_as_of FROM sync_cursors") == [(as_text(START),)]


def test_bad_rows_keep_completeness_back_until_they_heal(mirror: MirrorRows, sql: Any) -> None:
    mirror.store_page(products_page(1), run_id=1, at=START)
    bad = BadRow(position=2, record_id=None, reason="id is missing", excerpt="{}", fingerprint="x")
    page = Page(
        product_id=1,
        kind=Kind.TESTS,
        records=(a_test(1, 1),),
        bad_rows=(bad,),
        cursor=CursorMove(as_of=START),
    )
    for run_id in (1, 2):
        mirror.store_page(page, run_id=run_id, at=START)
    view = "SELECT complete_as_of, current_as_of, rows, holes FROM freshness WHERE kind = 'tests'"
    assert sql(view) == [(None, as_text(START), 1, 1)]
    healed = replace(page, bad_rows=(), cursor=CursorMove(as_of=LATER))
    mirror.store_page(healed, run_id=3, at=LATER)
    assert sql(view) == [(as_text(LATER), as_text(LATER), 1, 0)]
    assert sql("SELECT count(*) FROM quarantine WHERE resolved_at IS NOT NULL") == [(1,)]


# -- freshness ---------------------------------------------------------------------------------


def test_freshness_tells_no_such_test_from_not_fetched_yet(mirror: MirrorRows, sql: Any) -> None:
    mirror.store_page(products_page(1, 2), run_id=1, at=START)
    empty = Page(product_id=1, kind=Kind.TESTS, cursor=CursorMove(as_of=START))
    mirror.store_page(empty, run_id=1, at=START)
    answer = dict(sql("SELECT product_id, complete_as_of FROM freshness WHERE kind = 'tests'"))
    assert answer == {1: as_text(START), 2: None}, "1 has no tests; of 2 nothing is known"


def test_an_age_is_unknown_where_the_clock_was_set_back_since(mirror: MirrorRows, sql: Any) -> None:
    now = datetime.now(UTC)
    times = {1: now - timedelta(hours=1), 2: now + timedelta(hours=1), 3: now}
    mirror.store_page(products_page(*times), run_id=1, at=now)
    for product_id, as_of in times.items():
        listed = Page(product_id=product_id, kind=Kind.TESTS, cursor=CursorMove(as_of=as_of))
        mirror.store_page(listed, run_id=1, at=now)
    ages = dict(sql("SELECT product_id, age_seconds FROM freshness WHERE kind = 'tests'"))
    assert ages[2] is None
    assert 3600 <= ages[1] < 3660
    assert 0 <= ages[3] < 60


def test_a_failure_shows_in_freshness_and_takes_nothing_back(
    mirror: MirrorRows, events: SyncLog, sql: Any
) -> None:
    mirror.store_page(products_page(1), run_id=1, at=START)
    page = Page(product_id=1, kind=Kind.TESTS, records=(a_test(1, 1),))
    mirror.store_page(replace(page, cursor=CursorMove(as_of=START)), run_id=1, at=START)
    for hours in (1, 2):
        events.write([failed(1, SyncPhase.NEW_TESTS, START + timedelta(hours=hours))])
    view = "SELECT complete_as_of, failing_since, rows FROM freshness WHERE kind = 'tests'"
    assert sql(view) == [(as_text(START), as_text(LATER), 1)]
    assert sql(
        "SELECT consecutive_failures, last_error FROM sync_cursors WHERE kind = 'tests'"
    ) == [(2, "timeout: too late")]
    mirror.store_page(replace(page, cursor=CursorMove(as_of=LATER)), run_id=3, at=LATER)
    assert sql(view) == [(as_text(LATER), None, 1)]


# -- runs and events ---------------------------------------------------------------------------

REQUEST = RunRequest(trigger=Trigger.API)
RESULT = SyncResult(
    run_id=1,
    status=RunStatus.PARTIAL,
    trigger_source=Trigger.API,
    products_synced=2,
    duration_seconds=3.5,
    counts={Kind.TESTS: Counts(new=4)},
    errors=(Problem(kind=ErrorKind.TIMEOUT, message="late", product_id=3),),
)


def test_a_run_has_one_row_and_its_events_in_order(events: SyncLog, sql: Any) -> None:
    events.write(
        [
            RunOpened(run_id=1, at=START, request=REQUEST),
            failed(3, SyncPhase.FEATURES, START),
            RunClosed(at=LATER, request=REQUEST, result=RESULT),
        ]
    )
    assert sql("SELECT event FROM sync_events ORDER BY id") == [
        ("run_started",),
        ("product_failed",),
        ("run_finished",),
    ]
    assert sql("SELECT count(*) FROM sync_events WHERE duration_seconds IS NULL") == [(0,)]
    row = sql("SELECT status, duration_seconds, products_synced, rows_new FROM sync_runs")
    assert row == [("partial", 3.5, 2, 4)]
    assert "product 3" in sql("SELECT error FROM sync_events WHERE event = 'run_finished'")[0][0]


def test_a_run_that_ended_in_the_queue_gets_its_row_too(events: SyncLog, sql: Any) -> None:
    ended = replace(RESULT, run_id=9, status=RunStatus.CANCELLED)
    events.write([RunClosed(at=START, request=REQUEST, result=ended)])
    assert sql("SELECT id, status FROM sync_runs") == [(9, "cancelled")]
    assert events.next_run_id() == 10


def test_a_run_ends_once(events: SyncLog, sql: Any) -> None:
    events.write([RunOpened(run_id=1, at=START, request=REQUEST)])
    events.write([RunClosed(at=LATER, request=REQUEST, result=RESULT)])
    late = replace(RESULT, status=RunStatus.FAILED)
    events.write([RunClosed(at=LATER, request=REQUEST, result=late)])
    assert sql("SELECT status FROM sync_runs") == [("partial",)]


def test_a_run_left_running_lasted_until_its_last_event(events: SyncLog, sql: Any) -> None:
    events.write(
        [
            RunOpened(run_id=1, at=START, request=REQUEST),
            failed(3, SyncPhase.FEATURES, START + timedelta(seconds=90)),
        ]
    )
    assert events.close_interrupted(at=LATER) == (1,)
    assert sql("SELECT status, duration_seconds FROM sync_runs") == [("interrupted", 90.0)]
    assert events.close_interrupted(at=LATER) == ()


def test_old_events_are_forgotten_but_not_the_ends_of_runs(events: SyncLog, sql: Any) -> None:
    events.write([RunOpened(run_id=1, at=START, request=REQUEST)])
    events.write([RunClosed(at=START, request=REQUEST, result=RESULT)])
    assert events.forget_events(before=LATER) == 1
    assert sql("SELECT event FROM sync_events") == [("run_finished",)]


def test_a_checkpoint_that_fails_takes_nothing_back(
    database: Database, events: SyncLog, monkeypatch: pytest.MonkeyPatch, sql: Any
) -> None:
    class FullDisk:
        def __getattr__(self, name: str) -> object:
            return getattr(raw, name)

        def __enter__(self) -> object:
            return raw.__enter__()

        def __exit__(self, *failure: Any) -> object:
            return raw.__exit__(*failure)

        def execute(self, statement: str, *values: Any) -> object:
            if "checkpoint" in statement:
                raise sqlite3.OperationalError("disk is full")
            return raw.execute(statement, *values)

    raw = database._raw
    monkeypatch.setattr(database, "_raw", FullDisk())
    opened = RunOpened(run_id=1, at=START, request=REQUEST)
    assert events.write([opened, RunClosed(at=LATER, request=REQUEST, result=RESULT)]) == {1}
    monkeypatch.undo()
    assert sql("SELECT count(*) FROM sync_events") == [(2,)]


def test_the_second_end_of_a_run_is_told_to_nobody(events: SyncLog, sql: Any) -> None:
    events.write([RunOpened(run_id=1, at=START, request=REQUEST)])
    closed = RunClosed(at=LATER, request=REQUEST, result=RESULT)
    assert events.write([closed]) == {1}
    assert events.write([closed]) == frozenset()
    assert sql("SELECT count(*) FROM sync_events WHERE event = 'run_finished'") == [(1,)]


def test_an_unknown_product_leaves_no_problem_behind(database: Database, events: SyncLog) -> None:
    events.write([failed(424242, SyncPhase.FEATURES, START)])
    with readonly.open_readonly(database.path) as connection:
        assert queries.problems(connection) == []


def test_events_are_read_from_an_id_on(database: Database, events: SyncLog) -> None:
    now = datetime.now(UTC)
    events.write([failed(n, SyncPhase.FEATURES, now) for n in range(1, 8)])
    with readonly.open_readonly(database.path) as connection:
        last = [row["product_id"] for row in queries.events(connection, limit=3)]
        after = [row["product_id"] for row in queries.events(connection, since=2, limit=3)]
    assert (last, after) == ([5, 6, 7], [3, 4, 5])
