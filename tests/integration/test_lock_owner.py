"""Who holds a lock, by what the kernel says, not by what a file claims."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.engine.database import Database
from storage.engine.lock_owner import LOCKS, owner_of_file, write_lock_owner

needs_proc = pytest.mark.skipif(not LOCKS.exists(), reason="this system has no /proc/locks")

WRITES = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""
LOCKS_FILE = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def other(program: str, path: Path) -> Iterator[int]:
    """Another process that holds a lock on the file; its pid."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process.pid
        assert process.stdin is not None
        process.stdin.close()


@needs_proc
def test_the_program_that_writes_is_named(database: Database) -> None:
    assert write_lock_owner(database.path) == ""
    with other(WRITES, database.path) as pid:
        named = write_lock_owner(database.path)
        assert named.startswith("the program ")
        assert named.endswith(f" with pid {pid}")
    assert write_lock_owner(database.path) == ""


@needs_proc
def test_who_has_a_file_locked_is_known_whatever_stands_in_it(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text('{"pid": 1}')
    with other(LOCKS_FILE, path) as pid:
        assert owner_of_file(path) == pid
        assert owner_of_file(tmp_path / "none") is None
    assert owner_of_file(path) is None


def test_lines_of_other_locks_are_passed_over(tmp_path: Path) -> None:
    database, locks = tmp_path / "t.db", tmp_path / "locks"
    shm = tmp_path / "t.db-shm"
    shm.touch()
    inode = shm.stat().st_ino
    locks.write_text(
        f"1: POSIX  ADVISORY  READ  11 08:01:{inode} 120 120\n"
        f"2: FLOCK  ADVISORY  WRITE 12 08:01:{inode} 0 EOF\n"
        f"3: POSIX  ADVISORY  WRITE 13 08:01:{inode} 121 124\n"
        f"3: -> POSIX  ADVISORY  WRITE 14 08:01:{inode} 120 120\n"
        f"4: POSIX  ADVISORY  WRITE 4194999 08:01:{inode} 120 EOF\n"
    )
    assert write_lock_owner(database, locks) == "the program with pid 4194999"
    assert write_lock_owner(database, tmp_path / "none") == ""
    assert write_lock_owner(tmp_path / "other.db", locks) == ""
