"""Health of real actors: one that hangs or is gone, a disk that is full, a database that is not."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from actors.heartbeats import Heartbeats
from actors.messages import Ping
from config.settings import Settings
from control.views import DaemonView, HealthReply
from rules.diagnosis.codes import Code
from rules.model import BreakerState
from rules.run.events import Entry
from rules.run.remote_state import RemoteState
from rules.run.runtime_overrides import PREFIX, RuntimeOverrides
from service.monitoring.lookout import Lookout
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.settings.override_rows import OverrideRows
from tests.conftest import Bench, wait_until

QUICK = 2.0


@dataclass
class Time:
    """Seconds that a test adds to the real ones."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Patient:
    """A bench, the health of its system, and the remote's state."""

    bench: Bench
    check: Lookout
    time: Time
    remote: RemoteState = field(
        default_factory=lambda: RemoteState(
            results={},
            retries=0,
            in_flight=0,
            connections=1,
            requests_per_second=0,
            parked_seconds=0,
            breaker=BreakerState.CLOSED,
            open_seconds=0,
            last_failure="",
        )
    )

    def reply(self) -> HealthReply:
        """The judgement; it may not take long, whatever is wrong."""
        began = time.monotonic()
        reply = self.check.reply()
        assert time.monotonic() - began < QUICK
        return reply

    def reasons(self) -> list[tuple[Code, str]]:
        return [(reason.check, reason.where) for reason in self.reply().reasons]


@pytest.fixture
def patient(bench: Bench, database: Database) -> Patient:
    bench.interval = 900.0
    moved = Time()
    settings = Settings(TESTIO_DB_PATH=database.path)  # type: ignore[call-arg]
    system = bench.system
    daemon = DaemonView(pid=1, started_at=datetime.now(UTC), version="1", socket="s")
    made = Patient(
        bench=bench,
        time=moved,
        check=Lookout(
            settings=lambda: settings,
            system=system,
            daemon=daemon,
            remote=lambda: made.remote,
            clock=moved,
        ),
    )
    return made


@contextmanager
def hanging_logger(bench: Bench) -> Iterator[None]:
    """A store that does not come back from writing."""
    reached, let_go = threading.Event(), threading.Event()

    def hang(_entries: Sequence[Entry]) -> None:
        reached.set()
        let_go.wait(10)

    bench.events.before_write = hang
    bench.system.pause(None)
    assert reached.wait(5)
    try:
        yield
    finally:
        let_go.set()


def test_all_is_well(patient: Patient) -> None:
    reply = patient.reply()
    assert (reply.healthy, reply.reasons, reply.warnings) == (True, [], [])


def test_a_logger_that_hangs_is_a_reason_once_it_hangs_for_long(patient: Patient) -> None:
    with hanging_logger(patient.bench):
        assert patient.reasons() == [], "a moment is no reason"
        patient.time.ahead = 130
        assert patient.reasons() == [(Code.ACTOR_SILENT, "logger")]
        (reason,) = patient.reply().reasons
        assert "2 min" in reason.message
    wait_until(lambda: patient.reasons() == [], what="health, once the Logger is back")


def test_a_coordinator_that_hangs_does_not_hold_the_answer_up(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    reached = threading.Event()

    def hang(*_arguments: object) -> None:
        reached.set()
        let_go.wait(10)

    monkeypatch.setattr("actors.coordinator.Coordinator._tick", hang)
    patient.bench.clock.move(900)
    assert reached.wait(5)
    try:
        assert patient.reasons() == []
        patient.time.ahead = 11
        for _ in range(20):
            patient.check.heartbeats.beat()
        assert patient.reasons() == [(Code.ACTOR_SILENT, "coordinator")]
        waiting = patient.bench.system.mailboxes()["coordinator"]
        assert waiting <= 1, "one question is under way, however often health is asked"
    finally:
        let_go.set()


def test_an_actor_that_is_gone_is_silent_until_its_replacement_answers(bench: Bench) -> None:
    bench.interval, bench.pulse_seconds = 900.0, None
    moved = Time()
    scheduler = bench.system.wiring.scheduler
    beats = Heartbeats({scheduler: Ping()}, now=moved)
    beats.beat(wait_seconds=1.0)
    assert beats.silent() == {"scheduler": 0.0}
    assert scheduler.ref is not None
    scheduler.ref.stop(block=True)
    moved.ahead = 5
    beats.beat()
    beats.beat()
    moved.ahead = 12
    beats.beat()
    assert beats.silent()["scheduler"] > 6
    bench.system.beat()
    wait_until(lambda: scheduler.ref is not None and scheduler.ref.is_alive(), what="a replacement")
    beats.beat(wait_seconds=1.0)
    assert beats.silent() == {"scheduler": 0.0}


def test_what_cannot_be_written_is_a_reason_at_once(patient: Patient) -> None:
    def full(_entries: Sequence[Entry]) -> None:
        raise StorageError("the disk is full")

    patient.bench.events.before_write = full
    patient.bench.system.pause(None)
    wait_until(
        lambda: patient.reasons() == [(Code.JOURNAL_STUCK, "the database")], what="the reason"
    )
    patient.bench.events.before_write = lambda _entries: None
    wait_until(lambda: patient.reasons() == [], what="health, once there is room again")


def test_a_pause_is_a_warning_that_knows_its_age_over_restarts(
    patient: Patient, database: Database
) -> None:
    patient.bench.system.pause(None)
    assert "paused for 0 s" in patient.reply().warnings[0].message
    rows = OverrideRows(database, PREFIX)
    rows.write(RuntimeOverrides().pause(None).as_rows(), at=datetime.now(UTC) - timedelta(hours=3))
    reply = patient.reply()
    assert reply.healthy
    (warning,) = reply.warnings
    assert "paused for 3 h" in warning.message
    patient.bench.system.resume()
    assert patient.reply().warnings == []


def test_a_database_that_is_locked_or_broken_is_a_reason_and_no_delay(
    patient: Patient, database: Database
) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.close()
        other.execute("BEGIN EXCLUSIVE")
        (reason,) = patient.reply().reasons
        assert reason.check is Code.DATABASE_LOCKED
        assert "locked" in reason.message
        other.execute("COMMIT")
    Path(database.path).write_bytes(b"not a database" * 100)
    assert patient.reasons() == [(Code.DATABASE_DAMAGED, "the database")]
    Path(database.path).unlink()
    assert patient.reasons() == [(Code.DATABASE_GONE, "the database")]


def test_products_out_of_scope_grow_as_old_as_they_like(
    patient: Patient, database: Database
) -> None:
    old = (datetime.now(UTC) - timedelta(days=9)).isoformat()
    with database.transaction() as connection:
        for product_id in (18, 42):
            connection.execute(
                "INSERT INTO products (id, has_sections, section_ids, data, content_hash,"
                " first_seen_at, changed_at, synced_at) VALUES (?, 0, '[]', '{}', '', ?, ?, ?)",
                (product_id, old, old, old),
            )
            connection.execute(
                "INSERT INTO sync_cursors (product_id, kind, complete_as_of, current_as_of,"
                " updated_at) VALUES (?, 'tests', ?, ?, ?)",
                (product_id, old, old, old),
            )
    assert patient.reasons() == [
        (Code.NEVER_FETCHED, "features of product 18, features of product 42"),
        (Code.STALE, "tests of product 18, tests of product 42"),
        (Code.INCOMPLETE, "tests of product 18, tests of product 42"),
    ]
    scoped = patient.check.settings().model_copy(update={"product_ids": frozenset({42})})
    patient.check.settings = lambda: scoped
    assert patient.reasons() == [
        (Code.NEVER_FETCHED, "features of product 42"),
        (Code.STALE, "tests of product 42"),
        (Code.INCOMPLETE, "tests of product 42"),
    ]
    scoped = scoped.model_copy(update={"product_ids": frozenset({42, 99})})
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO sync_runs (id, status, trigger_source, started_at, phases, options)"
            " VALUES (1, 'running', 'schedule', ?, '[]', '{}')",
            (old,),
        )
    assert ("not_listed", "product 99") not in patient.reasons(), "its list was not read yet"
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO sync_cursors (product_id, kind, complete_as_of, current_as_of, updated_at)"
            " VALUES (0, 'products', ?, ?, ?)",
            (old, old, old),
        )
    assert ("not_listed", "product 99") in patient.reasons(), (
        "a product that is to be mirrored and that the account does not have"
    )


def test_the_last_run_counts_until_a_later_one_goes_well(
    patient: Patient, database: Database
) -> None:
    def ended(status: str, kinds: Sequence[str] = ()) -> None:
        errors = json.dumps([{"kind": kind, "message": "", "phase": None} for kind in kinds])
        now = datetime.now(UTC).isoformat()
        with database.transaction() as connection:
            connection.execute(
                "INSERT INTO sync_runs (status, trigger_source, started_at, completed_at,"
                " duration_seconds, phases, options, errors)"
                " VALUES (?, 'cli', ?, ?, 1, '[]', '{}', ?)",
                (status, now, now, errors),
            )

    ended("failed", ["unauthorized"])
    assert patient.reasons() == [(Code.LAST_RUN, "run 1")]
    ended("cancelled")
    assert patient.reasons() == [(Code.LAST_RUN, "run 1")], "a cancelled run proves nothing"
    ended("partial", ["timeout"] * 3)
    reply = patient.reply()
    assert reply.healthy
    assert [(each.check, each.where) for each in reply.warnings] == [(Code.LAST_RUN, "run 3")]
    assert "(3 problems)" in reply.warnings[0].message
    ended("success")
    assert patient.reply().warnings == []
