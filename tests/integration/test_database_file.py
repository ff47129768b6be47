"""The database as a file: rights, schema, other writers, and what is no database of ours."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from rules.model import RunRequest, Trigger
from rules.run.events import EventName, RunOpened, SyncEvent
from storage.engine import readonly
from storage.engine.database import BUSY_TIMEOUT_MS, Database, unusable
from storage.engine.errors import DatabaseBusy, NewerSchema, StorageError, remedy
from storage.engine.migrate import MIGRATIONS, REVISION, migrate
from storage.engine.times import as_text
from storage.replacing.fresh_start import FreshStart
from storage.schema import FRESHNESS_VIEW, metadata
from storage.settings.account_rows import NOTE
from storage.writes.sync_log import SyncLog
from tests.conftest import wait_until
from tests.fakes import START
from tests.old_mirrors import make_old


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_the_database_and_its_log_have_the_rights_asked_for(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a folder ? with #signs" / "my db.sqlite"
    database = Database(path, mode=mode)
    migrate(database)
    found = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    database.close()
    assert set(found.values()) == {mode}, found
    assert path.name in found


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_no_file_of_a_database_is_wider_for_a_moment(
    tmp_path: Path, mode: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the widest umask they have their rights from the beginning: nothing takes any away."""
    changed: list[object] = []
    for module, name in ((Path, "chmod"), (os, "chmod"), (os, "fchmod")):
        monkeypatch.setattr(module, name, lambda *what, **_how: changed.append(what))
    before = os.umask(0)
    try:
        database = Database(tmp_path / "testio.db", mode=mode)
        migrate(database)
        found = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        database.close()
    finally:
        os.umask(before)
    assert {"testio.db", "testio.db-wal", "testio.db-shm"} <= found.keys()
    assert set(found.values()) == {mode}, found
    assert changed == []


@pytest.mark.parametrize("statement", ["DELETE FROM products", "CREATE TABLE t (a)", "VACUUM"])
def test_our_own_readers_cannot_change_anything(database: Database, statement: str) -> None:
    with readonly.open_readonly(database.path) as connection:
        with pytest.raises(sqlite3.OperationalError, match=r"readonly|read-only"):
            connection.execute(statement)
        assert connection.execute("SELECT count(*) FROM products").fetchone() is not None


def test_migrations_make_the_declared_schema(database: Database) -> None:
    with database.schema_transaction() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    with database.transaction() as connection:
        view = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'view'").fetchone()[0]
    assert view.strip() == FRESHNESS_VIEW.strip()


def test_the_revision_is_the_newest_step() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == REVISION


def test_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(NewerSchema, match="9999"):
        migrate(database)
    with database.transaction() as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone()[0] == "9999"


def test_an_older_schema_is_backed_up_before_it_is_changed(tmp_path: Path) -> None:
    database = Database(tmp_path / "old.db")
    with database.transaction() as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0000')")
        connection.execute("CREATE TABLE keepsake (what TEXT)")
    with pytest.raises(StorageError, match="0000"):
        migrate(database)  # there never was a step 0000, so the upgrade itself has to fail
    database.close()
    backups = list(tmp_path.glob("old.db.schema-0000.*.bak"))
    assert len(backups) == 1
    with closing(sqlite3.connect(backups[0])) as copy:
        assert copy.execute("SELECT count(*) FROM keepsake").fetchone() == (0,)
    assert stat.S_IMODE(backups[0].stat().st_mode) == 0o600


def test_what_was_kept_of_etags_goes_and_nothing_else_does(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    make_old(path, "0006")
    with closing(sqlite3.connect(path)) as old, old:
        old.execute(
            "INSERT INTO page_etags VALUES ('/products', 0, 'products', 0, 'a', '', '', 3, 1)"
        )
        old.execute(NOTE, {"name": "kept", "value": "x", "now": "2026"})
    database = Database(path)
    backup = migrate(database)
    assert backup is not None
    with database.transaction() as connection:
        left = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%etag%'")
        assert left.fetchall() == []
        assert connection.execute("SELECT value FROM settings").fetchall() == [("x",)]
        assert connection.execute("SELECT id FROM sync_runs").fetchall() == [(41,)]
    database.close()
    with closing(sqlite3.connect(backup)) as copy:
        assert copy.execute("SELECT count(*) FROM page_etags").fetchone() == (1,)


def test_half_a_backup_does_not_look_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(tmp_path / "old.db")
    with database.transaction() as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")

    def full(target: Path) -> None:
        target.write_bytes(b"half")
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(database, "backup_to", full)
    with pytest.raises(StorageError, match=r"cannot be backed up before .* disk is full"):
        migrate(database)
    database.close()
    assert [path.name for path in tmp_path.glob("*schema*")] == []
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_ctrl_c_in_a_step_of_the_schema_is_told_as_what_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database = Database(tmp_path / "new.db")

    def interrupted() -> None:
        with database.schema_transaction() as connection:
            connection.exec_driver_sql("CREATE TABLE keepsake (what TEXT)")
            connection.invalidate()  # as SQLAlchemy does where it is interrupted in its own code
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    database.close()
    assert "checkpoint_failed" not in caplog.text
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection_of_another:
        assert connection_of_another.execute("SELECT * FROM sqlite_master").fetchall() == []


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"these are my notes, not a database\n" * 50)
    with pytest.raises(StorageError, match="not a SQLite database"):
        Database(path)
    assert path.read_bytes().startswith(b"these are my notes")


def test_another_writer_is_waited_for_and_then_named(tmp_path: Path) -> None:
    database = Database(tmp_path / "testio.db", patience=0.2)
    migrate(database)
    opened = RunOpened(run_id=1, at=START, request=RunRequest(trigger=Trigger.API))
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy, match="locked by another process"):
            SyncLog(database).write([opened])
        other.execute("ROLLBACK")
    SyncLog(database).write([opened])
    database.close()


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE notes (text)")
        other.commit()
    path.chmod(0o644)
    database = Database(path)
    with pytest.raises(StorageError, match="another program"):
        migrate(database)
    database.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("notes",)]


def test_readers_cannot_write(database: Database) -> None:
    with (
        pytest.raises(StorageError, match=r"cannot be read: .* TESTIO_DB_PATH"),
        readonly.open_readonly(database.path) as connection,
    ):
        connection.execute("DELETE FROM products")


def test_reading_where_there_is_no_database_says_so(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match="there is no database"),
        readonly.open_readonly(tmp_path / "none.db"),
    ):
        pass


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_READONLY, sqlite3.SQLITE_READONLY_DIRECTORY], ids=str
)
def test_a_place_that_may_not_be_written_comes_with_the_way_out(code: int, tmp_path: Path) -> None:
    error = sqlite3.OperationalError("attempt to write a readonly database")
    error.sqlite_errorcode = code
    said = str(unusable(tmp_path / "a.db", error))
    assert "cannot be written by this user; run as the user it belongs to" in said
    assert "readonly" not in said


def test_a_write_after_the_end_is_told_as_what_it_is(tmp_path: Path) -> None:
    opened = Database(tmp_path / "testio.db")
    migrate(opened)
    opened.close()
    with pytest.raises(StorageError, match="was closed, because this process ends"):
        SyncLog(opened).write([SyncEvent(at=datetime.now(UTC), event=EventName.PAUSED)])


def test_a_write_waits_for_another_process_and_goes_on(database: Database) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = threading.Event()

        def write() -> None:
            with database.transaction(patience=30.0) as connection:
                connection.execute("DELETE FROM sync_events")
            done.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert not done.wait(2 * BUSY_TIMEOUT_MS / 1000), "somebody else is writing"
        wait_until(lambda: database.held_up_seconds > 0, what="a word of the wait")
        other.execute("COMMIT")
        assert done.wait(10)
        writer.join()
        assert database.held_up_seconds == 0


def test_a_write_that_waits_gives_up_when_the_database_is_closed(database: Database) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        given_up = threading.Event()

        def write() -> None:
            with pytest.raises(StorageError), database.transaction(patience=30.0):
                raise AssertionError("somebody else is writing")
            given_up.set()

        writer = threading.Thread(target=write)
        writer.start()
        assert not given_up.wait(2 * BUSY_TIMEOUT_MS / 1000)
        database.close()
        assert given_up.wait(10)
        writer.join()


def test_a_file_with_other_rights_gets_those_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "testio.db"
    path.touch()
    path.chmod(0o644)
    database = Database(path)
    migrate(database)
    database.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_and_a_pipe_are_no_database(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StorageError, match="not a regular file"):
        Database(pipe)
    for read in (Database, readonly.connect_readonly):
        with pytest.raises(StorageError, match="folder"):
            read(tmp_path)


def test_who_may_not_write_the_file_is_told_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "read-only.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE one (two)")
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError) as refused,
    ):
        connection.execute("DELETE FROM one")
    said = str(unusable(path, refused.value))
    assert said == f"{path} or its folder cannot be written by this user{remedy(refused.value)}"


def test_a_log_that_cannot_be_folded_in_is_left_for_the_next_time(database: Database) -> None:
    """What was committed stays committed; a reader that holds the log hinders nobody."""
    with closing(sqlite3.connect(database.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sync_events").fetchone()
        with database.transaction() as connection:
            connection.execute(NOTE, {"name": "1", "value": "2", "now": as_text(START)})
        database.checkpoint()
    with closing(sqlite3.connect(database.path)) as reader:
        assert reader.execute("SELECT value FROM settings WHERE name = '1'").fetchone() == ("2",)


def test_a_fresh_start_that_has_built_nothing_is_not_put_in_place(database: Database) -> None:
    with pytest.raises(StorageError, match="built nothing"):
        FreshStart(database).adopt(7, at=START, account={})
