"""The one writing connection (design, section 6).

`dataset` opens the engine; a single SQLAlchemy connection of it does all the writing, under one
lock, because dataset would keep a connection for each thread, even a dead one's, with its open
transaction. Readers open a handle of their own with `storage.queries.open_readonly`.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dataset
from sqlalchemy import Connection, event
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.pool import StaticPool

from storage.errors import DatabaseBusy, StorageError

BUSY_TIMEOUT_MS = 500
BUSY_PATIENCE_SECONDS = 30.0
BUSY_PAUSE_SECONDS = 0.1
DEFAULT_MODE = 0o600
MAGIC = b"SQLite format 3\0"


class Database:
    """A SQLite file opened for writing. Thread-safe; one transaction at a time.

    The caller holds the writer lock. Raises StorageError where the file is not usable.
    """

    def __init__(self, path: Path, *, mode: int = DEFAULT_MODE) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        _create_private(path, mode)
        self._dataset = dataset.connect(
            "sqlite:///mirror",
            engine_kwargs={
                "poolclass": StaticPool,
                # A path may hold characters that mean something in a URL.
                "creator": lambda: _connect(path),
            },
            on_connect_statements=[
                "PRAGMA synchronous=NORMAL",
                "PRAGMA foreign_keys=ON",
                "PRAGMA journal_size_limit=67108864",
            ],
        )
        assert self._dataset.engine is not None
        event.listen(self._dataset.engine, "begin", _begin_immediate)
        try:
            self._connection = self._dataset.engine.connect()
        except DatabaseError as error:
            self._dataset.close()
            raise unusable(path, error) from error

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Connection]:
        """One write transaction, committed at the end of the block, undone if it raises.

        `durable`: on disk before this returns, whatever happens to the machine. Raises
        DatabaseBusy where another process does not let go, StorageError on any other failure of
        the file.
        """
        with self._lock:
            try:
                self._set_synchronous("FULL" if durable else "NORMAL")
                with self._begun() as connection:
                    yield connection
            except (DataError, IntegrityError, ProgrammingError):
                raise  # the statement is wrong, not the file
            except DatabaseError as error:
                raise unusable(self.path, error) from error

    @contextmanager
    def _begun(self) -> Iterator[Connection]:
        give_up_at = time.monotonic() + BUSY_PATIENCE_SECONDS
        while True:
            try:
                transaction = self._connection.begin()
                break
            except OperationalError as error:
                if not _is_busy(error) or time.monotonic() > give_up_at:
                    raise
                if self._stopping.wait(BUSY_PAUSE_SECONDS):
                    raise
        with transaction:
            yield self._connection

    def _set_synchronous(self, level: str) -> None:
        self._raw().execute(f"PRAGMA synchronous={level}")

    def _raw(self) -> Any:
        return self._connection.connection.driver_connection

    def checkpoint(self) -> None:
        """Move the log into the database file and cut it to nothing, if no reader holds it."""
        with self._lock:
            self._raw().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def backup_to(self, target: Path) -> None:
        """Copy the whole database into a new private file while it stays in use."""
        _create_private(target, DEFAULT_MODE)
        with self._lock:
            copy = sqlite3.connect(target)
            try:
                self._raw().backup(copy)
            finally:
                copy.close()

    def close(self) -> None:
        """Fold the log in and close; a write that still waits for its turn gives up."""
        if self._connection.closed:
            return
        self._stopping.set()
        self.checkpoint()
        self._connection.close()
        self._dataset.close()


def unusable(path: Path, error: DatabaseError) -> StorageError:
    """The error to show for a failure of the database, by SQLite's own code."""
    if _is_busy(error):
        return DatabaseBusy(
            f"{path} is locked by another process; end the program that writes to it"
        )
    return StorageError(f"{path} cannot be used: {error.orig}")


def _is_busy(error: DatabaseError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
    )


def _begin_immediate(connection: Connection) -> None:
    # A deferred transaction that turns into a write one fails at once when another has written.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _create_private(path: Path, mode: int) -> None:
    """Make the file before SQLite does, so that it never has other rights than these."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, mode)
    except OSError as error:
        raise StorageError(f"{path} cannot be opened for writing: {error.strerror}") from error
    try:
        # Whose file it is and what it holds is looked at before its rights are changed.
        if os.pread(descriptor, len(MAGIC), 0) not in (b"", MAGIC):
            raise StorageError(f"{path} is not a SQLite database; it is left as it is")
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != mode:
            os.fchmod(descriptor, mode)
    except PermissionError as error:
        raise StorageError(f"{path} belongs to another user") from error
    finally:
        os.close(descriptor)
