"""A backup is one moment of a database that others write, whole and sound or not there."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from storage.engine import backup
from storage.engine.atomic_file import CannotPublish
from storage.engine.backup import back_up
from storage.engine.database import Database
from storage.engine.errors import StorageError

PAIR = "INSERT OR REPLACE INTO settings (name, value, changed_at) VALUES (?, ?, '')"
FILLING = (
    "INSERT INTO sync_events (at, event, duration_seconds, detail) VALUES ('', 'paused', 0, ?)"
)


@pytest.fixture
def large(database: Database) -> Database:
    """Large enough that copying takes several steps."""
    with database.transaction() as connection:
        for _ in range(40):
            connection.execute(FILLING, ("x" * 60_000,))
    return database


def test_a_backup_is_one_moment_although_another_goes_on_writing(
    large: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both halves of a pair are written in one transaction, hundreds of times meanwhile."""
    monkeypatch.setattr(backup, "PAGES_AT_ONCE", 20)
    enough, written = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not enough.is_set():
            with large.transaction() as connection:
                for name in ("one", "two"):
                    connection.execute(PAIR, (name, str(number)))
                connection.execute(FILLING, ("y" * 5_000,))
            number += 1
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert written.wait(5)
    steps: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        written.clear()
        written.wait(0.2)  # the writer commits between two steps
        steps.append((done, total))

    target = tmp_path / "copy.db"
    try:
        made = back_up(large.path, target, progress=progress)
    finally:
        enough.set()
        writer.join()
    assert len(steps) > 5
    assert steps[-1][0] == steps[-1][1]
    assert len({total for _, total in steps}) == 1, "it never began again"
    assert (made.bytes, stat.S_IMODE(target.stat().st_mode)) == (target.stat().st_size, 0o600)
    with closing(sqlite3.connect(f"file:{target}?immutable=1", uri=True)) as copy:
        pair = copy.execute("SELECT value FROM settings WHERE name IN ('one', 'two')").fetchall()
        assert len(set(pair)) == 1
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "mirror"]


def test_nothing_is_overwritten_without_being_told_to(database: Database, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(CannotPublish, match="exists; --force replaces it"):
        back_up(database.path, target)
    assert target.read_text() == "precious"
    assert back_up(database.path, target, force=True).bytes == target.stat().st_size > 1_000


@pytest.mark.parametrize("suffix", ["", "-wal", ".lock"])
def test_the_database_itself_is_never_the_target(database: Database, suffix: str) -> None:
    with pytest.raises(CannotPublish, match="belongs to the database itself"):
        back_up(database.path, Path(f"{database.path}{suffix}"), force=True)


def test_a_link_to_the_database_is_the_database(database: Database, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(database.path)
    with pytest.raises(CannotPublish, match="belongs to the database itself"):
        back_up(database.path, link, force=True)


def test_a_copy_that_is_not_sound_is_thrown_away(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(source: Path, path: Path, _progress: object) -> None:
        path.write_bytes(source.read_bytes()[:4_096] + b"\xff" * 8_192)

    monkeypatch.setattr(backup, "_copy", spoil)
    database.checkpoint()
    with pytest.raises(StorageError, match="not sound"):
        back_up(database.path, tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir()] == ["mirror"]


def test_a_folder_that_is_not_there_and_no_database_are_said(
    database: Database, tmp_path: Path
) -> None:
    with pytest.raises(CannotPublish, match="there is no folder"):
        back_up(database.path, tmp_path / "nowhere" / "copy.db")
    with pytest.raises(StorageError, match="there is no database"):
        back_up(tmp_path / "none.db", tmp_path / "copy.db")
    assert [path.name for path in tmp_path.iterdir()] == ["mirror"]


def test_what_a_killed_backup_has_left_goes_with_the_next_one(
    database: Database, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    old, young, other = (
        tmp_path / f".{name}.{'0' * 11}{digit}.tmp"
        for name, digit in (("copy.db", 1), ("copy.db", 2), ("other.db", 3))
    )
    for path in (old, young, other):
        path.write_bytes(b"half a copy")
    for path in (old, other):
        os.utime(path, (0, 0))
    back_up(database.path, target)
    assert (old.exists(), young.exists(), other.exists()) == (False, True, True)
