"""The writer lock: one process at a time has the writing connection (design, section 5).

The kernel's lock decides, and acquiring *is* the recovery after a crash: it dies with its holder.
The file's content and age are for people only. Nobody ever unlinks the file; unlinking by a dead
PID or by age lets two holders in at once.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from storage.engine.errors import LockHeld, NoKernelLocks, StorageError, remedy
from storage.engine.place import is_held, real_path, refuse_unsafe_place
from storage.engine.times import as_text

POLL_SECONDS = 0.1
WRITES_ITSELF_SECONDS = 1.0
TRIED_SECONDS = 0.3
"""Who only asks whether the lock is free has it for a moment; that one is no holder."""
FREE_MARK = "released_at"
MOST_BYTES = 16 * 1024
"""Of the file; what we write is far shorter."""
ENDS = "it ends by itself, or by Ctrl-C there"


class Role(StrEnum):
    """What the holder is."""

    DAEMON = "daemon"
    ONE_SHOT = "one-shot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds the lock, or held it last, as it wrote itself into the file."""

    pid: int
    role: str
    host: str
    started_at: str
    version: str
    socket: str | None = None
    released_at: str | None = None

    @property
    def is_released(self) -> bool:
        """Whether it let go by itself; if not, and the lock is free, it was killed."""
        return self.released_at is not None

    def is_alive(self) -> bool:
        """Whether a process with its pid lives on this machine. A guess: it decides nothing."""
        if self.host != socket.gethostname():
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except (PermissionError, TypeError, OverflowError):
            return True
        return True

    def __str__(self) -> str:
        return f"{self.role} with pid {self.pid} on {self.host}, since {self.started_at}"


def lock_path(database: Path) -> Path:
    """The lock file of a database: `<database>.lock` beside the file itself."""
    real = real_path(database)
    return real.with_name(real.name + ".lock")


def read_holder(path: Path) -> Holder | None:
    """The holder that stands in the file; None if there is none or it is unreadable."""
    try:
        content = json.loads(_text_of(path))
        return Holder(**{name: content.get(name) for name in Holder.__dataclass_fields__})
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _text_of(path: Path) -> str:
    """The beginning of the file; one that is no regular file is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a regular file")
        return os.read(descriptor, MOST_BYTES).decode("utf-8")
    finally:
        os.close(descriptor)


def present_holder(path: Path) -> Holder | None:
    """Who holds the lock now; None if nobody does, or who does has not said so.

    The kernel's lock decides: the pid in the file may be another container's, and a killed one had
    1, which always lives. Where the lock may not be tried, the pid has to do.
    """
    holder = read_holder(path)
    if holder is None or holder.is_released:
        return None
    is_locked = _is_locked(path)
    return holder if (holder.is_alive() if is_locked is None else is_locked) else None


def _is_locked(path: Path) -> bool | None:
    """Whether anybody has the lock, tried for a moment; None where it may not be tried."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


def _named_holder(path: Path) -> Holder | None:
    """Who holds the lock now; one who has just taken it needs a moment to write itself down."""
    give_up_at = time.monotonic() + WRITES_ITSELF_SECONDS
    while True:
        holder = read_holder(path)
        if holder is not None and not holder.is_released:
            return holder
        if time.monotonic() > give_up_at:
            return None
        time.sleep(POLL_SECONDS / 10)


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
                holder = _named_holder(self.path)
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
