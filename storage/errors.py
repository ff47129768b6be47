"""What can be wrong with the database or its lock, as types."""

from __future__ import annotations

import errno
import sqlite3


class StorageError(Exception):
    """The database cannot be used as asked. The text says what to do."""


OTHER_USER = "run as the user it belongs to, or set TESTIO_DB_PATH to another place"
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)


def remedy(error: BaseException) -> str:
    """What to add to the words of a failure: the way out where a file may not be written."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    is_closed = code == sqlite3.SQLITE_READONLY or getattr(error, "errno", None) in NOT_ALLOWED
    return f"; {OTHER_USER}" if is_closed else ""


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
