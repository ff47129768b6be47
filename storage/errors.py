"""What can be wrong with the database or its lock, as types."""

from __future__ import annotations


class StorageError(Exception):
    """The database cannot be used as asked. The text says what to do."""


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
