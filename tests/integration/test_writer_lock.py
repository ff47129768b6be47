"""The writer lock within one process; `tests/e2e/test_locks.py` has the processes."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.engine.errors import LockHeld, NoKernelLocks, StorageError
from storage.engine.lock_holder import ENDS, Holder, Role, lock_path, present_holder, read_holder
from storage.engine.writer_lock import WriterLock


@pytest.fixture
def make_lock(tmp_path: Path) -> Iterator[Callable[[], WriterLock]]:
    made: list[WriterLock] = []

    def make() -> WriterLock:
        path = tmp_path / "db" / "testio.db"
        made.append(WriterLock(path, role=Role.DAEMON, version="9", socket=Path("/run/socket")))
        return made[-1]

    yield make
    for lock in made:
        lock.release()


def test_the_file_says_who_holds_it_and_when_it_let_go(make_lock: Callable[[], WriterLock]) -> None:
    lock = make_lock()
    lock.acquire(wait_seconds=0)
    holder = read_holder(lock.path)
    assert holder is not None
    assert (holder.pid, holder.role, holder.socket) == (os.getpid(), "daemon", "/run/socket")
    assert not holder.is_released
    assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
    lock.release()
    lock.release()
    holder = read_holder(lock.path)
    assert holder is not None
    assert holder.is_released
    assert lock.path.exists(), "a lock file is never unlinked"


def test_another_holder_is_named_and_waiting_can_be_given_up(
    make_lock: Callable[[], WriterLock],
) -> None:
    make_lock().acquire(wait_seconds=0)
    second = make_lock()
    with pytest.raises(LockHeld, match=f"daemon with pid {os.getpid()}"):
        second.acquire(wait_seconds=0.2)
    began = time.monotonic()
    with pytest.raises(LockHeld):
        second.acquire(wait_seconds=30, keep_waiting=lambda: False)
    assert time.monotonic() - began < 5


def test_only_a_holder_that_did_not_let_go_was_killed(make_lock: Callable[[], WriterLock]) -> None:
    first = make_lock()
    first.acquire(wait_seconds=0)
    first.release()
    second = make_lock()
    second.acquire(wait_seconds=0)
    assert second.recovered_from is None
    second.release()
    left = {**json.loads(second.path.read_text()), "pid": 4711, "released_at": None}
    second.path.write_text(json.dumps(left))
    third = make_lock()
    third.acquire(wait_seconds=0)
    assert third.recovered_from is not None
    assert third.recovered_from.pid == 4711


def test_a_replaced_file_is_noticed(make_lock: Callable[[], WriterLock]) -> None:
    lock = make_lock()
    lock.acquire(wait_seconds=0)
    assert lock.is_mine()
    lock.path.unlink()
    assert not lock.is_mine()
    lock.path.write_text("{}")
    assert not lock.is_mine()


def test_touching_shows_that_the_holder_lives(make_lock: Callable[[], WriterLock]) -> None:
    lock = make_lock()
    lock.acquire(wait_seconds=0)
    os.utime(lock.path, (0, 0))
    lock.touch()
    assert time.time() - lock.path.stat().st_mtime < 60


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_kernel_locks_is_refused(
    make_lock: Callable[[], WriterLock], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_locks(_descriptor: int, _operation: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    lock = make_lock()
    with pytest.raises(NoKernelLocks, match="local disk"):
        lock.acquire(wait_seconds=0)
    monkeypatch.undo()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    database = tmp_path / "file" / "testio.db"
    lock = WriterLock(database, role=Role.ONE_SHOT, version="9", socket=None)
    with pytest.raises(StorageError, match="file"):
        lock.acquire(wait_seconds=0)
    assert lock_path(database).name == "testio.db.lock"


def test_a_holder_that_has_just_taken_the_lock_is_named_and_not_the_one_before(
    make_lock: Callable[[], WriterLock],
) -> None:
    first = make_lock()
    first.acquire(wait_seconds=0)
    written = first.path.read_text()
    first.path.write_text(json.dumps(json.loads(written) | {"pid": 1, "released_at": "before"}))
    writes = threading.Timer(0.1, first.path.write_text, (written,))
    writes.start()
    with pytest.raises(LockHeld, match=f"pid {os.getpid()}"):
        make_lock().acquire(wait_seconds=0)
    writes.join()


def test_a_lock_that_is_not_held_shows_nothing_and_is_nobodys(
    make_lock: Callable[[], WriterLock],
) -> None:
    lock = make_lock()
    lock.acquire(wait_seconds=0)
    assert lock.is_mine()
    lock.release()
    assert not lock.is_mine()
    before = lock.path.stat().st_mtime_ns
    lock.touch()
    assert lock.path.stat().st_mtime_ns == before


def test_a_lock_whose_file_was_removed_is_not_mine_any_more(
    make_lock: Callable[[], WriterLock],
) -> None:
    lock = make_lock()
    lock.acquire(wait_seconds=0)
    lock.path.unlink()
    assert not lock.is_mine()


@pytest.mark.parametrize(
    ("pid", "host", "alive"),
    [
        (os.getpid(), socket.gethostname(), True),
        (2**22 + 1, socket.gethostname(), False),  # beyond the largest pid of Linux
        (2**22 + 1, "another machine", True),
        ("no number", socket.gethostname(), True),
    ],
    ids=["this one", "none", "of another machine", "unreadable"],
)
def test_a_holder_is_dead_only_if_that_can_be_seen(pid: int, host: str, alive: bool) -> None:
    holder = Holder(pid=pid, role=Role.ONE_SHOT, host=host, started_at="", version="9")
    assert holder.is_alive() is alive


@pytest.mark.parametrize("pid", [1, os.getpid()], ids=["of a killed container", "used again"])
@pytest.mark.parametrize("host", [socket.gethostname(), "a container"])
def test_the_kernels_lock_decides_who_is_there_not_the_pid(
    make_lock: Callable[[], WriterLock], pid: int, host: str
) -> None:
    lock = make_lock()
    assert present_holder(lock.path) is None
    lock.acquire(wait_seconds=0)
    assert present_holder(lock.path) == read_holder(lock.path)
    lock.release()
    assert present_holder(lock.path) is None
    left = {**json.loads(lock.path.read_text()), "pid": pid, "host": host, "released_at": None}
    lock.path.write_text(json.dumps(left))
    assert present_holder(lock.path) is None, "it was killed"
    second = make_lock()
    second.acquire(wait_seconds=0)
    assert second.recovered_from is not None


def test_to_ask_who_is_there_keeps_nobody_from_the_lock(
    make_lock: Callable[[], WriterLock],
) -> None:
    lock = make_lock()
    lock.acquire(wait_seconds=0)
    lock.release()
    asking = os.open(lock.path, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    timer = threading.Timer(0.05, os.close, [asking])
    timer.start()
    make_lock().acquire(wait_seconds=0)
    timer.join()


def test_what_to_do_about_a_holder_is_said_where_it_can_be_done(
    make_lock: Callable[[], WriterLock],
) -> None:
    holding, waiting = make_lock(), make_lock()
    holding.acquire(wait_seconds=0)
    noted = json.loads(holding.path.read_text())

    def said(**changed: str) -> str:
        holding.path.write_text(json.dumps(noted | changed))
        with pytest.raises(LockHeld) as held:
            waiting.acquire(wait_seconds=0)
        return str(held.value)

    assert "testio-sync stop" in said()
    assert said(role="one-shot").endswith(ENDS)
    assert said(host="another machine").endswith(noted["started_at"])
    holding.path.write_text("nothing readable")
    with pytest.raises(LockHeld, match=f"process with pid {os.getpid()}, which does not say"):
        waiting.acquire(wait_seconds=0)
