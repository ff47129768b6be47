"""Who holds the writer lock of a database: what the lock file says, and what the kernel says.

The kernel decides; the text in the file is for people, and anybody may have written it.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from storage.engine.lock_owner import owner_of_file
from storage.engine.place import real_path

MOST_BYTES = 16 * 1024
"""Of the file; what we write is far shorter."""
ENDS = "it ends by itself, or by Ctrl-C there"
NAMED_WITHIN_SECONDS = 0.3
"""Who has just taken the lock writes itself into the file at once."""


class Role(StrEnum):
    """What the holder is."""

    DAEMON = "daemon"
    ONE_SHOT = "one-shot"
    UNKNOWN = "process"
    """It has the lock, and the file does not say what it is."""


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
        if self.role == Role.UNKNOWN:
            return f"process with pid {self.pid}, which does not say what it is"
        return f"{self.role} with pid {self.pid} on {self.host}, since {self.started_at}"


def lock_path(database: Path) -> Path:
    """The lock file of a database: `<database>.lock` beside the file itself."""
    real = real_path(database)
    return real.with_name(real.name + ".lock")


def read_holder(path: Path) -> Holder | None:
    """The holder that stands in the file; None if there is none or it is unreadable."""
    try:
        content = json.loads(_text_of(path))
        return _holder(content) if isinstance(content, dict) else None
    except (OSError, ValueError, RecursionError):
        return None


def _holder(content: dict[str, Any]) -> Holder | None:
    given: dict[str, Any] = {name: content.get(name) for name in Holder.__dataclass_fields__}
    pid, texts = given.pop("pid"), [given[name] for name in ("role", "host", "started_at")]
    is_pid = isinstance(pid, int) and not isinstance(pid, bool) and pid > 0
    are_texts = all(value is None or isinstance(value, str) for value in given.values())
    if pid is None or not is_pid or not are_texts or None in texts:
        return None
    return Holder(pid=pid, **given)


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
    """Who holds the lock now; None if nobody does.

    The kernel decides: the pid in the file may be another container's, and a killed one had 1,
    which always lives. Where the lock may not be tried, the pid has to do.
    """
    is_locked, holder = _is_locked(path), read_holder(path)
    if is_locked is None:
        return holder if holder and not holder.is_released and holder.is_alive() else None
    return _named(path) if is_locked else None


def _named(path: Path) -> Holder | None:
    """Who has the lock; one who has just taken it needs a moment to write itself down."""
    give_up_at = time.monotonic() + NAMED_WITHIN_SECONDS
    while (holder := read_holder(path)) is None or holder.is_released:
        if not _is_locked(path):
            return None
        if time.monotonic() > give_up_at:
            return unknown_holder(path)
        time.sleep(NAMED_WITHIN_SECONDS / 10)
    owner = owner_of_file(path) if holder.host == socket.gethostname() else None
    return holder if owner is None else replace(holder, pid=owner)


def unknown_holder(path: Path) -> Holder | None:
    """Who has the lock and has not said so, as far as the kernel tells."""
    pid = owner_of_file(path)
    if pid is None:
        return None
    host = socket.gethostname()
    return Holder(pid=pid, role=Role.UNKNOWN, host=host, started_at="", version="")


def _is_locked(path: Path) -> bool | None:
    """Whether anybody has the lock, tried for a moment; None where it may not be tried."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
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
