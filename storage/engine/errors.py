"""What can be wrong with the database or its lock, as types."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path


class StorageError(Exception):
    """The database cannot be used as asked. The text says what to do."""


class NotAllowed(StorageError):
    """This user may not look: what is there is not known."""


OTHER_USER = "run as the user it belongs to, or set TESTIO_DB_PATH to another place"
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


def remedy(error: BaseException) -> str:
    """What to add to the words of a failure: the way out where a file may not be written."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    is_closed = code == sqlite3.SQLITE_READONLY or getattr(error, "errno", None) in NOT_ALLOWED
    return f"; {OTHER_USER}" if is_closed else ""


NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
LITTLE = 64 * 1024
"""Bytes of a disk that SQLite may want at once: it lays out the file `-shm` in parts of 32 KB."""
TEMPORARY = ("/var/tmp", "/usr/tmp", "/tmp")  # nosec B108 # SQLite's own


def known_cause(error: BaseException, path: Path) -> str:
    """What to add where it is not the database's own fault; empty where that is not known.

    A disk that lacks space may be the database's, or that of SQLite's temporary files, which
    SQLite does not tell apart. We have no virtual tables: one that is broken is somebody else's.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_CORRUPT_VTAB:
        return (
            "; that is a full-text index, or another virtual table, of another program: have it "
            "make that anew, or drop it and its triggers"
        )
    if code & 0xFF not in NO_ROOM:
        return ""
    if _is_full(folder := path.parent):
        return f"; the disk of {folder} is full: make room there"
    temporary = _temporary_folder()
    if temporary is not None and _is_full(temporary):
        return (
            f"; the disk of temporary files, {temporary}, is full: make room there, or set TMPDIR "
            "to another folder"
        )
    return ""


def _is_full(folder: Path) -> bool:
    try:
        there = os.statvfs(folder)
    except OSError:
        return False
    return there.f_bavail * there.f_frsize < LITTLE


def _temporary_folder() -> Path | None:
    """Where SQLite puts them: the first of these that may be written to."""
    named = [os.environ.get(name) for name in ("SQLITE_TMPDIR", "TMPDIR")]
    places = (Path(each) for each in (*named, *TEMPORARY) if each)
    return next((p for p in places if p.is_dir() and os.access(p, os.W_OK | os.X_OK)), None)


class NoMirror(StorageError):
    """The file is a database, and no mirror of this program."""

    def __init__(self, path: Path, *, is_empty: bool) -> None:
        """`is_empty`: it is nobody's yet, and a sync may be about to make its tables."""
        self.is_empty = is_empty
        super().__init__(
            f"{path} is empty: there is no mirror in it yet; a first sync makes one"
            if is_empty
            else f"{path} is another program's database; it is left as it is. "
            "Use another TESTIO_DB_PATH."
        )


class DatabaseDamaged(StorageError):
    """The file is no sound SQLite database. Nothing may be written to it any more."""

    def __init__(self, path: Path, what: str) -> None:
        """`what`: the damage, in SQLite's words or ours."""
        super().__init__(
            f"{path} is damaged: {what}; it is left as it is. `testio-sync rebuild` makes it anew"
        )
        self.path = path
        self.what = what


class NotADatabase(DatabaseDamaged):
    """The file is something else, or its beginning is lost."""

    def __init__(self, path: Path, looks: str) -> None:
        """`looks`: what it looks like, as far as it can be told."""
        super().__init__(path, f"it is not a SQLite database ({looks})")
        self.args = (
            f"{path} is not a SQLite database ({looks}); it is left as it is. Set TESTIO_DB_PATH "
            "to another file, or, if the mirror stood there, make it anew: `testio-sync rebuild`",
        )


class DatabaseBusy(StorageError):
    """Another process held the database's write lock for too long."""


class NewerSchema(StorageError):
    """The database was written by a newer version of this program."""


class LockHeld(StorageError):
    """Another process holds the writer lock; `holder` says which."""

    def __init__(self, message: str, holder: object | None = None) -> None:
        super().__init__(message)
        self.holder = holder


class NoKernelLocks(StorageError):
    """The file system has no locks, so neither the writer lock nor WAL is safe on it."""
