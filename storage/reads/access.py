"""What came of looking into a file that may be anything, and how to look without leaving a trace.

Apart from `inspection`, which also knows about schemas, so that whoever only asks loads fast.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from rules.diagnosis.observations import Access
from storage.engine.damage import is_busy, is_damage
from storage.engine.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    NoMirror,
    NotADatabase,
    NotAllowed,
    StorageError,
)
from storage.engine.place import is_missing
from storage.engine.readonly import LEAST_BYTES, folder_text

T = TypeVar("T")
TRIES = 3


def access_of(error: Exception, path: Path) -> Access:
    """What a failure to read the file means."""
    if isinstance(error, DatabaseDamaged) or is_damage(error):
        return Access.DAMAGED
    if isinstance(error, DatabaseBusy) or is_busy(error):
        return Access.LOCKED
    if isinstance(error, NotAllowed | PermissionError):
        return Access.HIDDEN
    if isinstance(error, NoMirror) and error.is_empty:
        return Access.EMPTY
    return Access.MISSING if is_missing(path) else Access.UNUSABLE


def error_text(path: Path, error: Exception) -> str:
    """What to say of a failure to read the file."""
    if isinstance(error, StorageError):
        return str(error)
    reason = error.strerror if isinstance(error, OSError) else error
    return f"{path} cannot be read: {reason}"


def read_unchanged(path: Path, read: Callable[[bool], T]) -> T:
    """What `read` finds in the file, which did not change meanwhile; it is told whether the file
    is still: without a log nobody has it open. Raises StorageError, and what `read` raises."""
    for _ in range(TRIES):
        before = _state(path)
        found = read(before[1] is None)
        if before[1] is not None or _state(path) == before:
            return found
    raise StorageError(f"{path} changes all the time, and not through its log; try again")


def _state(path: Path) -> tuple[tuple[int, int, int], int | None]:
    """What changes when somebody writes: the file, and whether it has a log."""
    if path.is_dir():
        raise StorageError(folder_text(path))
    if not path.is_file():
        raise StorageError(f"{path} is not a regular file")
    status = path.stat()
    if 0 < status.st_size < LEAST_BYTES:
        raise NotADatabase(path, "it is too short for one")
    log: int | None = None
    with suppress(FileNotFoundError):
        log = path.with_name(path.name + "-wal").stat().st_ino
    return (status.st_ino, status.st_size, status.st_mtime_ns), log
