"""The writer lock: one process at a time has the writing connection (design, section 5).

The kernel's lock decides, and acquiring *is* the recovery after a crash: it dies with its holder.
The file's content and age are for people only. Nobody ever unlinks the file; unlinking by a dead
PID or by age lets two holders in at once.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from storage.engine.errors import LockHeld, NoKernelLocks, StorageError, remedy
from storage.engine.lock_holder import ENDS, Holder, Role, lock_path, present_holder, read_holder
from storage.engine.place import is_held, refuse_unsafe_place
from storage.engine.times import as_text

POLL_SECONDS = 0.1
TRIED_SECONDS = 0.3
"""Who only asks whether the lock is free has it for a moment; that one is no holder."""
FREE_MARK = "released_at"


class WriterLock:
    """The lock of one database, for the life of one process's writing connection."""

    def __init__(self, database: Path, *, role: Role, version: str, socket: Path | None) -> None:
        from filelock import FileLock  # who only reads who holds it does without

        self.path = lock_path(database)
        self._database = database
        self.recovered_from: Holder | None = None
        self._me = _myself(role, version, socket)
        self._descriptor: int | None = None
        self._lock = FileLock(
            self.path,
            mode=0o600,
            thread_local=False,
            fallback_to_soft=False,
            preserve_lock_file=True,
            on_acquired=self._write_myself,
        )

    def acquire(
        self, *, wait_seconds: float, keep_waiting: Callable[[], bool] = lambda: True
    ) -> None:
        """Take the lock, waiting for another holder to let go; 0 waits for none.

        `keep_waiting` is asked between tries. Raises LockHeld, naming the holder, NoKernelLocks,
        or StorageError, also where the file can have a second lock. Afterwards `recovered_from`
        is a holder that was killed, if one was.
        """
        refuse_unsafe_place(self._database)
        self._prepare_folder()
        give_up_at = time.monotonic() + max(wait_seconds, TRIED_SECONDS)
        while not self._try():
            if time.monotonic() >= give_up_at or not keep_waiting():
                holder = present_holder(self.path)
                who = f"{holder}{_next_step(holder)}" if holder else "unknown holder"
                raise LockHeld(f"{self.path} is held by the {who}", holder)
            time.sleep(POLL_SECONDS)

    def touch(self) -> None:
        """Show people that the holder is alive; the file's age never lets anyone in."""
        if self._descriptor is not None:
            os.utime(self._descriptor)

    def is_mine(self) -> bool:
        """Whether the file at the path is still the one that is locked."""
        if self._descriptor is None:
            return False
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._descriptor))
        except OSError:
            return False

    def release(self) -> None:
        """Let go, leaving the file. A second call does nothing."""
        if self._lock.is_locked:
            with suppress(OSError):  # a full disk must not keep the lock
                self._write({**asdict(self._me), FREE_MARK: as_text(datetime.now(UTC))})
            self._descriptor = None
            self._lock.release()

    def _prepare_folder(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # filelock would take some failures to make the file for a holder, and wait.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
        except OSError as error:
            reason = f"{error.strerror}{remedy(error)}"
            raise StorageError(f"cannot make {self.path}: {reason}") from error

    def _try(self) -> bool:
        from filelock import Timeout

        if is_held(self._database):  # even where the lock file was removed meanwhile
            return False
        try:
            self._lock.acquire(blocking=False)
        except Timeout:
            return False
        except OSError as error:
            if error.errno in (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP):
                raise NoKernelLocks(
                    f"{self.path.parent} is on a file system without kernel locks "
                    f"({error.strerror}); put TESTIO_DB_PATH on a local disk"
                ) from error
            raise StorageError(f"cannot lock {self.path}: {error.strerror}") from error
        return True

    def _write_myself(self, descriptor: int) -> None:
        """Called by filelock with the lock held: note who left it, then write this holder."""
        previous = read_holder(self.path)
        if previous is not None and not previous.is_released:
            self.recovered_from = previous
        self._descriptor = descriptor
        self._write(asdict(self._me))

    def _write(self, content: dict[str, object]) -> None:
        assert self._descriptor is not None
        text = json.dumps(content).encode() + b"\n"
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)


def _next_step(holder: Holder) -> str:
    """What can be done about a holder on this machine."""
    if holder.host != socket.gethostname():
        return ""
    if holder.role == Role.UNKNOWN:
        return f"; `testio-sync stop` ends it, or: kill {holder.pid}"
    if holder.role == Role.DAEMON:
        return "; `testio-sync status` shows what it does, `testio-sync stop` ends it"
    return f"; {ENDS}"


def _myself(role: Role, version: str, control_socket: Path | None) -> Holder:
    return Holder(
        pid=os.getpid(),
        role=role.value,
        host=socket.gethostname(),
        started_at=as_text(datetime.now(UTC)),
        version=version,
        socket=None if control_socket is None else str(control_socket),
    )
