"""A database is looked over without a trace: sound, damaged, locked, large, or none at all."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rules.diagnosis.of_machine import FileOfDatabase
from storage.engine.revision import REVISION
from storage.engine.soundness import inspect_thoroughly
from storage.reads import access, inspection
from storage.reads.inspection import inspect_database
from tests.databases import migrated


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A migrated database that nobody has open."""
    database = migrated(tmp_path / "mirror" / "testio.db")
    database.close()
    return database.path


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection to it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def look(path: Path, *, thorough: bool = False, seconds: float = 20.0) -> FileOfDatabase:
    return inspect_database(path, thorough=thorough, seconds=seconds)


def traces(path: Path) -> dict[str, tuple[bytes, int]]:
    """All that is in the folder."""
    return {
        file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in path.parent.iterdir()
    }


@pytest.mark.parametrize("thorough", [False, True])
def test_a_sound_database_is_looked_over_without_a_trace(path: Path, thorough: bool) -> None:
    before = traces(path)
    assert look(path, thorough=thorough) == FileOfDatabase(path=str(path), revision=REVISION)
    assert traces(path) == before


def test_what_stands_only_in_the_log_is_seen(path: Path, other: sqlite3.Connection) -> None:
    other.execute("INSERT INTO settings VALUES ('account.base_url', 'https://a', 'x')")
    assert path.with_name("testio.db-wal").stat().st_size > 0
    before = traces(path)
    assert look(path).base_url == "https://a"
    assert traces(path).keys() == before.keys()


def test_a_write_meanwhile_is_noticed_and_it_is_read_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, calls = inspection._read, []

    def slow(*given: Any, **named: Any) -> FileOfDatabase:
        found = read(*given, **named)
        calls.append(named["is_still"])
        if len(calls) == 1:
            with closing(sqlite3.connect(path)) as writer:
                writer.execute("UPDATE alembic_version SET version_num = '0001'")
                writer.commit()
        return found

    monkeypatch.setattr(inspection, "_read", slow)
    assert look(path).revision == "0001"
    assert len(calls) == 2


def test_damage_is_told_in_sqlites_words(path: Path, other: sqlite3.Connection) -> None:
    other.execute("CREATE INDEX by_name ON settings (value)")
    other.executemany(
        "INSERT INTO settings (name, value, changed_at) VALUES (?, ?, 'x')",
        [(f"name {n}", f"value {n}" * 20) for n in range(2000)],
    )
    page = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'by_name'").fetchone()[0]
    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\0" * 4096)
    facts = look(path, thorough=True)
    assert facts.damage or "malformed" in (facts.why), facts


def test_rows_that_refer_to_nothing_are_counted(path: Path, other: sqlite3.Connection) -> None:
    other.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)")
    other.execute("CREATE TABLE children (parent INTEGER REFERENCES parents (id))")
    other.execute("INSERT INTO children VALUES (7), (8)")
    assert look(path).loose_references == 2


def test_the_check_ends_in_its_time_unless_it_is_thorough(
    path: Path, other: sqlite3.Connection
) -> None:
    other.execute("BEGIN")
    other.executemany(
        "INSERT INTO settings (name, value, changed_at) VALUES (?, 'v', 'x')",
        [(f"name {n}",) for n in range(20_000)],
    )
    other.execute("COMMIT")
    assert not look(path, seconds=-1.0).finished
    assert look(path, thorough=True, seconds=-1.0).finished


def test_what_is_no_database_is_said(path: Path, other: sqlite3.Connection, tmp_path: Path) -> None:
    assert not look(tmp_path / "none.db").exists
    assert not look(tmp_path / "none" / "none.db").exists
    assert look(tmp_path / "none" / "none.db").no_folder is None, "it can be made"
    assert look(Path("/proc/none/below/none.db")).no_folder == ("/proc/none/below", "/proc")
    assert "is a folder" in (look(tmp_path).why)
    assert "not a regular file" in (look(Path("/dev/null")).why)
    assert "cannot be read" in (look(path / "below").why)
    notes = tmp_path / "notes"
    notes.write_bytes(b"not a database\n" * 100)
    assert look(notes).damage == ("file is not a database",)
    empty = tmp_path / "empty.db"
    empty.touch()
    assert look(empty).is_empty
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("CREATE TABLE x (y)")
    other.execute("COMMIT")
    inspection_seconds = inspection.BUSY_SECONDS
    try:
        inspection.BUSY_SECONDS = 0.1
        assert "locked" in (look(path).why)
    finally:
        inspection.BUSY_SECONDS = inspection_seconds


def test_a_file_that_changes_all_the_time_is_said_to(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a log beside it, as another program's rollback journal changes it."""
    turns = itertools.count()
    monkeypatch.setattr(access, "_state", lambda _path: ((next(turns), 0, 0), None))
    assert "changes all the time" in (look(path).why)


def test_what_was_never_finished_is_not_judged(path: Path) -> None:
    """SQLite takes it back first, as soon as somebody opens the database to write."""
    Path(f"{path}-journal").write_bytes(b"x" * 512)
    assert inspect_thoroughly(path) == []
