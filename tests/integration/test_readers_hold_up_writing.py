"""Who may read the database can hold up writing, as SECURITY.md says of TESTIO_DB_MODE=0640."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.engine.database import Database
from storage.engine.errors import DatabaseBusy
from storage.engine.migrate import migrate
from tests.strangers import NOBODY

HOLDER = """
import fcntl, os, sqlite3, sys
how, path, uid, gid = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    try:
        os.close(os.open(path, os.O_WRONLY))
        sys.exit("it may write")
    except PermissionError:
        pass
if how == "lock":
    shared = os.open(path + "-shm", os.O_RDONLY)
    fcntl.lockf(shared, fcntl.LOCK_SH, 1, 120)  # where SQLite's writer takes its lock
else:
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM settings").fetchall()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database() -> Iterator[Database]:
    """In a folder that everybody may enter: the mode of the file alone says who may read it."""
    folder = Path(tempfile.mkdtemp(prefix="testio-sync-open-"))
    folder.chmod(0o755)
    opened = Database(folder / "testio.db", mode=0o640, patience=0.3)
    migrate(opened)
    yield opened
    opened.close()
    shutil.rmtree(folder)


@contextmanager
def held(how: str, database: Database) -> Iterator[None]:
    """A reader in the file's group does this; another user's process, where root can make one."""
    group = database.path.stat().st_gid
    words = (sys.executable, "-I", "-c", HOLDER, how, str(database.path), str(NOBODY), str(group))
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n", process.stderr.read()
        try:
            yield
        finally:
            process.stdin.close()
            process.wait(30)


def write(database: Database, value: str) -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO settings (name, value, changed_at) VALUES ('a', ?, 'x')",
            (value,),
        )


def log_bytes(database: Database) -> int:
    return os.stat(f"{database.path}-wal").st_size


def test_a_reader_who_takes_the_writers_lock_keeps_it_waiting(database: Database) -> None:
    write(database, "before")
    with held("lock", database), pytest.raises(DatabaseBusy):
        write(database, "meanwhile")
    write(database, "behind")


def test_a_reader_who_leaves_a_transaction_open_lets_the_log_grow(database: Database) -> None:
    write(database, "before")
    database.checkpoint()
    with held("transaction", database):
        sizes = []
        for round_ in range(3):
            write(database, f"{round_}" * 100_000)
            database.checkpoint()
            sizes.append(log_bytes(database))
        assert sizes == sorted(set(sizes)), "nothing of it is used again"
    database.checkpoint()
    assert log_bytes(database) < sizes[0]
