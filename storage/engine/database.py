"""The one writing connection (design, section 6).

`dataset` opens the engine; a single connection of it does all the writing, under one lock, because
dataset would keep a connection for each thread, even a dead one's, with its open transaction.
Readers open a handle of their own with `storage.engine.readonly.open_readonly`.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import dataset
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from storage.engine.damage import damaged, is_busy, is_damage, met
from storage.engine.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    LockHeld,
    StorageError,
    known_cause,
    remedy,
)
from storage.engine.place import hold, identity_from, is_missing, let_go, real_path
from storage.engine.readonly import connect_readonly
from storage.engine.soundness import require_sqlite

log = structlog.get_logger(__name__)

BUSY_TIMEOUT_MS = 500
BUSY_PATIENCE_SECONDS = 30.0
BUSY_PAUSE_SECONDS = 0.1
DEFAULT_MODE = 0o600
OF_THE_STATEMENT = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.ProgrammingError)
"""The statement is wrong, not the file."""


class Database:
    """A SQLite file opened for writing. Thread-safe; one transaction at a time.

    The caller holds the writer lock. Raises StorageError where the file is not usable.
    """

    def __init__(
        self,
        path: Path,
        *,
        mode: int = DEFAULT_MODE,
        patience: float = BUSY_PATIENCE_SECONDS,
    ) -> None:
        """`patience`: seconds that a transaction waits for another process that writes.

        `path` may be a symbolic link; the attribute is the file itself, beside which is all else.
        """
        self._named = path
        self.path = path = real_path(path)
        self._patience = patience
        self._mode = mode
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._busy: tuple[float, float] | None = None  # the first and the last time it was locked
        self._opened_as = _create_private(path, mode)
        self.identity = identity_from(self._opened_as)
        if not hold(self.identity, self):
            raise LockHeld(f"{path} is open for writing in this process already")
        self._dataset = dataset.connect(
            "sqlite:////mirror",  # absolute, for the working folder may be gone
            sqlite_wal_mode=False,  # not before it is known that the file is ours: see `adopt`
            engine_kwargs={
                "poolclass": StaticPool,
                # A path may hold characters that mean something in a URL.
                "creator": lambda: _connect(path),
            },
            on_connect_statements=[
                "PRAGMA synchronous=NORMAL",
                "PRAGMA foreign_keys=ON",
                "PRAGMA journal_size_limit=67108864",
                # Pages of 4 KB: with 1,000 a full sync writes many pages back again and again.
                "PRAGMA wal_autocheckpoint=4000",
            ],
        )
        assert self._dataset.engine is not None
        try:
            self._connection = self._dataset.engine.connect()
        except DatabaseError as error:
            self._dataset.close()
            let_go(self.identity, self)
            raise unusable(path, error.orig) from error
        self._raw = cast(sqlite3.Connection, self._connection.connection.driver_connection)
        self._is_durable = False
        self._guard: sqlite3.Connection | None = None

    @property
    def damage(self) -> DatabaseDamaged | None:
        """What was met, here or by a reader in this process; from then on nothing is written."""
        return met(self.path)

    @contextmanager
    def transaction(
        self, *, durable: bool = False, patience: float | None = None
    ) -> Iterator[sqlite3.Connection]:
        """One write transaction, committed at the end of the block, undone if it raises.

        It gives the connection of the standard library that lies under dataset's engine: what the
        layers above would add to each statement costs more than the statement. `durable`: on disk
        before this returns, whatever happens to the machine. `patience`, if given, stands instead
        of the usual one; this thread holds no lock while it waits. Raises DatabaseBusy where that
        one does not let go, StorageError on any other failure of the file.
        """
        with self._failures_named():
            raw = self._begin(durable, self._patience if patience is None else patience)
            try:
                with raw:  # commits, or rolls back
                    yield raw
                    self._refuse_damaged()
            finally:
                self._lock.release()

    @contextmanager
    def schema_transaction(self) -> Iterator[Connection]:
        """The same, durable, for Alembic and for looking at the schema: with SQLAlchemy."""
        with self._failures_named():
            raw = self._begin(True, self._patience)
            try:
                with self._connection.begin():
                    yield self._connection
                    self._refuse_damaged()
            except BaseException:
                with suppress(sqlite3.Error):  # SQLAlchemy closes what Ctrl-C has interrupted
                    raw.rollback()
                raise
            finally:
                self._lock.release()

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if self._connection.closed:  # by who was left behind at the stop
                why = f"{self.path} was closed, because this process ends"
                raise StorageError(why) from error
            if isinstance(error, OF_THE_STATEMENT):
                raise
            raise unusable(self.path, error) from error
        except DatabaseError as error:
            raise unusable(self.path, error.orig) from error

    def _begin(self, durable: bool, patience: float) -> sqlite3.Connection:
        """Begin a transaction; on return this thread holds the lock, on failure it does not."""
        give_up_at = time.monotonic() + patience
        while True:
            self._refuse_damaged()
            self._lock.acquire()
            try:
                self._synchronise(durable)
                # A deferred one that turns into a write fails at once when another has written.
                self._raw.execute("BEGIN IMMEDIATE")
                self._busy = None
                return self._raw
            except sqlite3.OperationalError as error:
                if is_busy(error):
                    now = time.monotonic()
                    self._busy = (self._busy or (now, now))[0], now
                self._lock.release()
                if not is_busy(error) or time.monotonic() > give_up_at:
                    raise
            except BaseException:
                self._lock.release()
                raise
            if self._stopping.wait(BUSY_PAUSE_SECONDS):
                raise DatabaseBusy(f"{self.path} was locked by another process until the stop")

    @property
    def held_up_seconds(self) -> float:
        """For how long transactions have been waiting for another process; 0 if none is."""
        busy = self._busy
        if busy is None or time.monotonic() - busy[1] > 2 * BUSY_TIMEOUT_MS / 1000 + 1.0:
            return 0.0  # who has waited has given up
        return busy[1] - busy[0]

    def _refuse_damaged(self) -> None:
        if self.damage is not None:
            raise self.damage

    def _synchronise(self, durable: bool) -> None:
        """Whether commits wait for the disk; it can only be changed between transactions."""
        if durable != self._is_durable:
            self._raw.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._is_durable = durable

    @contextmanager
    def attached(self, path: Path, name: str) -> Iterator[None]:
        """Another SQLite file, reachable as `name` within the block. Raises StorageError.

        Attach outside of a transaction, and begin one inside. Other threads may write meanwhile.
        """
        self._outside_transactions(f"ATTACH DATABASE ? AS {name}", str(path))
        try:
            yield
        finally:
            try:
                self._outside_transactions(f"DETACH DATABASE {name}")
            except StorageError as error:  # what was committed inside stays committed
                log.warning("detach_failed", error=str(error))

    def _outside_transactions(self, statement: str, *values: str) -> None:
        with self._lock:
            try:
                self._raw.execute(statement, values)
            except sqlite3.Error as error:
                raise unusable(self.path, error) from error

    def checkpoint(self) -> None:
        """Move the log into the database file and cut it to nothing, if no reader holds it.

        Never raises: what was committed stays committed, and the next checkpoint tries again.
        """
        with self._lock:
            self._checkpoint()

    def _checkpoint(self) -> None:
        if self.damage is not None:
            return
        try:
            self._raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            unusable(self.path, error)  # notes damage
            log.warning("checkpoint_failed", error=str(error))

    def compact(self, mark: int) -> None:
        """Write the file anew, without what lies in its free pages and its log, unless the file
        has this `user_version`; it has it afterwards.

        Never raises: where there is no room, or a reader holds the log, the next start tries again.
        """
        with self._lock:
            if self.damage is not None or self._pragma("user_version")[0] >= mark:
                return
            try:
                self._raw.execute("VACUUM")
                if self._pragma("wal_checkpoint(TRUNCATE)")[0] == 0:
                    self._raw.execute(f"PRAGMA user_version = {mark:d}")
                    return
                log.warning("compact_failed", error="another program reads the database")
            except sqlite3.Error as error:
                unusable(self.path, error)  # notes damage
                log.warning("compact_failed", error=str(error))

    def _pragma(self, text: str) -> tuple[int, ...]:
        return tuple(self._raw.execute(f"PRAGMA {text}").fetchone())

    def adopt(self) -> None:
        """The file is known to be ours: WAL mode, and the rights asked for. Raises StorageError."""
        with self._lock:
            try:
                self._raw.execute("PRAGMA journal_mode=WAL").fetchall()
                self._guard = self._guard or self._make_guard()
            except sqlite3.Error as error:
                raise unusable(self.path, error) from error
        for suffix in ("", "-wal", "-shm"):
            path = self.path.with_name(self.path.name + suffix)
            try:
                if stat.S_IMODE(path.stat().st_mode) != self._mode:
                    path.chmod(self._mode)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StorageError(f"cannot change the rights of {path}: {error}") from error

    def _make_guard(self) -> sqlite3.Connection:
        """A reader that outlives the writer where the file is damaged.

        SQLite writes the log back when the last connection closes, and looks at nothing; the last
        one is then this one, which cannot write.
        """
        guard = connect_readonly(self.path)
        guard.execute("SELECT count(*) FROM sqlite_master").fetchall()
        return guard

    def is_in_place(self) -> bool:
        """Whether the file at the path, a link or not, is still the one that was opened."""
        try:
            return os.path.samestat(self._named.stat(), self._opened_as)
        except OSError:
            return False

    def backup_to(self, target: Path) -> None:
        """Copy the whole database into a new private file while it stays in use."""
        _create_private(target, DEFAULT_MODE)
        with self._lock:
            copy = sqlite3.connect(target)
            try:
                self._raw.backup(copy)
            finally:
                copy.close()

    def close(self) -> None:
        """Fold the log in and close; a write that still waits for its turn gives up.

        A damaged file is left as it is, and so is its log.
        """
        self._stopping.set()
        with self._lock:
            if self._connection.closed:
                return
            if not self._connection.invalidated:
                self._checkpoint()
            if self.damage is None:
                self._let_guard_go()
            self._connection.close()
            self._dataset.close()
            self._let_guard_go()
            let_go(self.identity, self)

    def _let_guard_go(self) -> None:
        if self._guard is not None:
            self._guard.close()
            self._guard = None


def unusable(path: Path, error: BaseException | None) -> StorageError:
    """The error to show for a failure of the database, by SQLite's own code."""
    if error is not None and is_damage(error):
        return damaged(path, error)
    if is_busy(error):
        return DatabaseBusy(
            f"{path} was locked by another process all the while that was waited; if that goes on, "
            "end the program that writes to it"
        )
    if error is not None and (way_out := remedy(error)):
        return StorageError(f"{path} or its folder cannot be written by this user{way_out}")
    add = "" if error is None else known_cause(error, path)
    return StorageError(f"{path} cannot be used: {error}{add}")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
    )


def _create_private(path: Path, mode: int) -> os.stat_result:
    """Make the file before SQLite does, so that it never has other rights than these.

    One that is there already is not opened: see `storage.engine.soundness`.
    """
    require_sqlite(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if is_missing(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode))
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return path.stat()
    except OSError as error:
        reason = f"{error.strerror}{remedy(error)}"
        raise StorageError(f"{path} cannot be opened for writing: {reason}") from error
