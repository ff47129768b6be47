"""Damage is found before anything is written, and once it is met nothing is written any more."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.loading import load_settings
from config.settings import Settings
from rules.run.events import EventName, SyncEvent
from service.store import open_store
from storage.engine import readonly
from storage.engine.damage import met
from storage.engine.database import Database
from storage.engine.errors import DatabaseDamaged, NotADatabase, StorageError
from storage.engine.lock_holder import Role
from storage.engine.migrate import migrate
from storage.engine.soundness import SMALL, refuse_damaged
from storage.reads import queries
from storage.writes.sync_log import SyncLog
from tests import damage
from tests.damage import PAGE, contents
from tests.databases import migrated
from tests.surroundings import broken_index

EVENT = SyncEvent(at=datetime(2026, 3, 1, tzinfo=UTC), event=EventName.PAUSED)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A mirror of some size, properly closed."""
    made = tmp_path / "mirror" / "testio.db"
    database = migrated(made)
    SyncLog(database).write([EVENT] * 3000)
    database.close()
    return made


def settings_of(path: Path) -> Settings:
    given = {"TESTIO_DB_PATH": str(path), "TESTIO_CUSTOMER_API_BASE_URL": "http://127.0.0.1:1"}
    return load_settings(flags=given, config_file=None, env_file=None)


def open_it(path: Path) -> None:
    with open_store(settings_of(path), role=Role.ONE_SHOT):
        pass


def killed_while_writing(path: Path) -> None:
    """Leave a log behind, as a process does that is killed."""
    with damage.killed_writer(path) as writer:
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        for number in range(20):
            writer.execute(
                "UPDATE sync_events SET detail = ? WHERE id % 20 = ?", (f'{{"n": {number}}}', 3)
            )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("way", damage.OF_THE_FILE, ids=lambda way: way.__name__)
def test_no_damage_is_written_to(way: damage.Damage, seed: int, path: Path) -> None:
    """Either it is refused and left as it is, or SQLite finds nothing wrong with any page."""
    said = way(path, random.Random(seed))
    before = contents(path)
    found = ""
    try:
        open_it(path)
    except DatabaseDamaged as error:
        found = str(error)
    if found:
        assert contents(path) == before, said
        assert "testio-sync rebuild" in found, said
        assert str(path) in found, said
    else:
        assert way in (damage.flip_bytes, damage.flip_page), f"{said} was not found"
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)], said


@pytest.mark.parametrize("seed", range(12))
def test_of_a_torn_log_what_stands_is_consistent_or_refused(seed: int, path: Path) -> None:
    killed_while_writing(path)
    said = damage.tear_wal(path, random.Random(seed))
    before = contents(path)
    try:
        refuse_damaged(path, whole=True)
    except DatabaseDamaged:
        assert contents(path) == before, said
        return
    assert contents(path) == before, said
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)], said
        found = connection.execute("SELECT DISTINCT detail FROM sync_events WHERE id % 20 = 3")
        assert len(found.fetchall()) == 1, f"{said}: a transaction came back in part"


def test_a_large_file_is_looked_at_whole_only_after_an_unclean_end(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE ballast (x)")
        connection.execute("INSERT INTO ballast VALUES (zeroblob(?))", (SMALL,))
        root = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ix_sync_events_run_id'"
        ).fetchone()[0]
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))
    refuse_damaged(path, whole=False)
    with pytest.raises(DatabaseDamaged):
        refuse_damaged(path, whole=True)


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        (b"notes\n" * 100, "it looks like text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4, "it looks like an image"),
        (bytes(8192), "it begins with zeros"),
        (b"\n", "it looks like text"),
        (b"\xfe\xdc" * 500, "its beginning is lost"),
    ],
)
def test_what_is_no_database_is_named_and_left(content: bytes, looks: str, tmp_path: Path) -> None:
    path = tmp_path / "testio.db"
    path.write_bytes(content)
    for use in (open_it, _read):
        with pytest.raises(DatabaseDamaged, match="it is left as it is"):
            use(path)
    with pytest.raises(NotADatabase, match=looks):
        open_it(path)
    assert path.read_bytes() == content
    assert list(tmp_path.glob("testio.db*")) == [path], "not even a lock file is made"


def _read(path: Path) -> None:
    with readonly.open_readonly(path) as connection:
        connection.execute("SELECT * FROM sync_runs").fetchall()


def _lose_the_events(path: Path) -> None:
    """Through a descriptor that stays open: closing it would give up SQLite's locks."""
    descriptor = os.open(path, os.O_RDWR)
    pages = path.stat().st_size // PAGE
    os.pwrite(descriptor, bytes((pages - 4) * PAGE), 4 * PAGE)


@pytest.mark.parametrize("meets", ["writer", "reader"])
def test_once_damage_is_met_nothing_is_written(meets: str, path: Path) -> None:
    database = Database(path)
    migrate(database)
    log = SyncLog(database)
    log.write([EVENT])
    _lose_the_events(path)
    before = contents(path)
    assert len(before) == 2, "there is a log to be written back"
    if meets == "reader":
        with pytest.raises(DatabaseDamaged), readonly.open_readonly(path) as connection:
            connection.execute("SELECT max(detail) FROM sync_events").fetchall()
    else:
        with pytest.raises(DatabaseDamaged):
            log.forget_events(before=datetime.now(UTC))
    assert database.damage is met(path) is not None
    with pytest.raises(DatabaseDamaged):
        log.write([EVENT])
    database.checkpoint()
    database.close()
    assert contents(path) == before


@pytest.mark.parametrize(
    ("column", "value"),
    [("detail", "no JSON"), ("detail", b"\xff\xfe")],
)
def test_what_cannot_have_been_written_is_damage(column: str, value: object, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            f"UPDATE sync_events SET {column} = CAST(? AS TEXT) WHERE id = 1", (value,)
        )
        connection.commit()
    with pytest.raises(DatabaseDamaged), readonly.open_readonly(path) as connection:
        queries.events(connection, since=0)


def test_a_process_that_met_damage_writes_again_once_all_is_whole(path: Path) -> None:
    whole = path.read_bytes()
    damage.overwrite_header(path, random.Random(1))
    for use in (_read, open_it):
        with pytest.raises(DatabaseDamaged):
            use(path)
    path.write_bytes(whole)
    with open_store(settings_of(path), role=Role.ONE_SHOT) as store:
        store.events.write([EVENT])


def test_a_lock_is_no_damage(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with (
            pytest.raises(StorageError, match="locked") as caught,
            readonly.open_readonly(path, timeout=0.1) as connection,
        ):
            connection.execute("SELECT 1 FROM sync_runs").fetchall()
    assert not isinstance(caught.value, DatabaseDamaged)
    assert met(path) is None


def test_a_broken_index_of_another_program_is_no_damage(path: Path) -> None:
    broken_index(path.parent, path.parent)
    with open_store(settings_of(path), role=Role.ONE_SHOT) as store:
        with (
            pytest.raises(StorageError, match="of another program") as refused,
            store.database.transaction() as raw,
        ):
            raw.execute("SELECT * FROM found")
        assert not isinstance(refused.value, DatabaseDamaged)
        assert met(path) is None
        store.events.write([EVENT])


@pytest.mark.parametrize("which", ["database", "temporary"])
def test_the_disk_that_is_full_is_named(
    path: Path, which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    full = path.parent if which == "database" else tmp_path
    statvfs = os.statvfs

    def seen(folder: Path) -> os.statvfs_result:
        there = list(statvfs(folder))
        there[4] = 0 if Path(folder) == full else there[4]  # f_bavail
        return os.statvfs_result(there)

    monkeypatch.setattr("storage.engine.errors.os.statvfs", seen)
    with open_store(settings_of(path), role=Role.ONE_SHOT) as store:
        (pages,) = store.database._raw.execute("PRAGMA page_count").fetchone()
        store.database._raw.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StorageError, match=f"{full}.* is full"):
            store.events.write([EVENT] * 3000)
