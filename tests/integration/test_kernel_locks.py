"""Nothing in a process that has the database open gives up the locks that SQLite has on it.

POSIX locks belong to the process: to close any handle of a file gives up all of them. Another
process that closes its connection then removes the log under the live writer.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from config.settings import Settings
from control.protocol import StartRunBody
from rules.model import RunStatus, Trigger
from service.assembly import make_sync_service
from service.checkup import rebuild
from service.checkup.doctor import Examination, database_flaw, examine
from service.checkup.dry_run import rehearse
from service.checkup.verify import verify
from service.export.exporting import export, writer_of
from service.read_through.api import ReadThrough
from service.store import Store, open_store
from simulator import Simulator
from storage.engine.backup import back_up
from storage.engine.database import Database
from storage.engine.errors import LockHeld, StorageError
from storage.engine.lock_holder import Role
from storage.engine.soundness import inspect_thoroughly, refuse_damaged, require_sqlite
from tests.integration.test_read_through import settings_for

LOCKS = Path("/proc/locks")
pytestmark = pytest.mark.skipif(not LOCKS.exists(), reason="the kernel tells no locks here")

_opened: list[str] = []
_watched: list[str] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _watched and str(arguments[0]) in _watched:
        _opened.append(str(arguments[0]))


sys.addaudithook(_note)


@contextmanager
def _opens_noted(path: Path) -> Iterator[list[str]]:
    """What Python itself opens of a database's files; SQLite is not seen."""
    _opened.clear()
    _watched[:] = [str(path) + suffix for suffix in ("", "-wal", "-shm")]
    try:
        yield _opened
    finally:
        _watched.clear()


def locks_of(path: Path) -> list[str]:
    """The POSIX locks that this process has on the file."""
    inode = path.stat().st_ino
    fields = (line.split() for line in LOCKS.read_text().splitlines())
    return sorted(
        " ".join(words[1:])
        for words in fields
        if words[1] == "POSIX" and words[4] == str(os.getpid())
        if words[5].rsplit(":", 1)[1] == str(inode)
    )


@pytest.fixture
def settings(tmp_path: Path, simulator: Simulator) -> Settings:
    return settings_for(tmp_path, simulator, TESTIO_LOCK_WAIT_SECONDS="1")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings, role=Role.DAEMON) as opened:
        assert settings.token is not None
        made = make_sync_service(settings, settings.token, opened)
        assert made.execute_sync().status is RunStatus.SUCCESS
        yield opened


def _second_store(settings: Settings) -> None:
    with (
        pytest.raises(LockHeld, match=f"daemon with pid {os.getpid()}"),
        open_store(settings, role=Role.ONE_SHOT),
    ):
        pytest.fail("two writers")


def _second_store_by_a_link(settings: Settings) -> None:
    link = settings.db_path.with_name("link.db")
    link.symlink_to(settings.db_path)
    _second_store(settings.model_copy(update={"db_path": link}))


def _second_store_without_lock_file(settings: Settings) -> None:
    Path(f"{settings.db_path}.lock").unlink()
    with pytest.raises(LockHeld), open_store(settings, role=Role.ONE_SHOT):
        pytest.fail("two writers")


def _second_database(settings: Settings) -> None:
    with pytest.raises(LockHeld, match="in this process already"):
        Database(settings.db_path)


def _rebuild(settings: Settings) -> None:
    with pytest.raises(LockHeld), rebuild.open_damaged(settings):
        pytest.fail("two writers")


def _check(settings: Settings) -> None:
    wanted = Examination(
        load=lambda: settings, config=settings.db_path.parent / "none", offline=True, thorough=True
    )
    assert list(examine(wanted))
    assert database_flaw(settings.db_path) is None


def _rehearse(settings: Settings) -> None:
    assert settings.token is not None
    body = StartRunBody(trigger_source=Trigger.CLI)
    rehearse(
        settings, settings.token, body, on_progress=lambda _state: None, cancel=threading.Event()
    )


def _verify(settings: Settings) -> None:
    assert settings.token is not None
    verify(settings, settings.token, product_ids=None, sample=None)


def _read_through(settings: Settings) -> None:
    mirror = ReadThrough(settings)
    assert mirror.get_features_cached_or_refresh().rows
    with pytest.raises(LockHeld):
        mirror.get_products_cached_or_refresh(max_age_seconds=0)


def _export(settings: Settings) -> None:
    targets = {"tests": settings.db_path.with_name("tests.csv")}
    export(settings.db_path, targets, writer_of("csv", is_safe=True))


ACTS: list[Callable[[Settings], object]] = [
    _second_store,
    _second_store_by_a_link,
    _second_store_without_lock_file,
    _second_database,
    _rebuild,
    _check,
    _rehearse,
    _verify,
    _read_through,
    _export,
    lambda settings: require_sqlite(settings.db_path),
    lambda settings: refuse_damaged(settings.db_path, whole=True),
    lambda settings: inspect_thoroughly(settings.db_path),
    lambda settings: back_up(settings.db_path, settings.db_path.with_name("b.db")),
]


@pytest.mark.parametrize("act", ACTS)
def test_the_kernels_locks_stay(
    store: Store, settings: Settings, act: Callable[[Settings], object]
) -> None:
    before = locks_of(store.database.path)
    assert before, "SQLite has locks on a database in WAL mode that is open"
    with _opens_noted(store.database.path) as opened:
        act(settings)
    assert locks_of(store.database.path) == before
    assert opened == []


def test_another_process_that_closes_does_not_take_the_log_away(
    store: Store, settings: Settings
) -> None:
    _second_store(settings)
    with store.database.transaction() as connection:
        connection.execute("CREATE TABLE extra (id INTEGER)")
    script = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]);"
        "c.execute('SELECT 1 FROM extra'); c.close()"
    )
    subprocess.run([sys.executable, "-c", script, str(settings.db_path)], check=True, timeout=20)
    assert Path(f"{settings.db_path}-wal").exists()
    with store.database.transaction(durable=True) as connection:
        connection.execute("INSERT INTO extra VALUES (1)")
    with closing(sqlite3.connect(settings.db_path)) as reader:
        assert reader.execute("SELECT * FROM extra").fetchall() == [(1,)]


def test_a_reader_keeps_its_locks_while_a_store_is_opened_and_closed(settings: Settings) -> None:
    with open_store(settings, role=Role.ONE_SHOT):
        pass
    with closing(sqlite3.connect(settings.db_path)) as reader:
        reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
        before = locks_of(settings.db_path)
        assert before
        with open_store(settings, role=Role.ONE_SHOT), pytest.raises(StorageError):
            Database(settings.db_path)
        assert locks_of(settings.db_path) == before


def test_a_closed_database_can_be_opened_again_in_the_same_process(tmp_path: Path) -> None:
    for _ in range(2):
        Database(tmp_path / "testio.db").close()
