"""Read-only handles of the database, each for one reader, with failures that say what to do.

Plain sqlite3 on purpose: readers are short-lived processes too, and importing dataset would cost
them more than their query.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from storage.engine.damage import Unreadable, damaged, is_busy, is_damage, json_of
from storage.engine.errors import (
    OTHER_USER,
    DatabaseBusy,
    NoMirror,
    NotADatabase,
    NotAllowed,
    StorageError,
    known_cause,
    remedy,
)
from storage.engine.place import status_of

Row = dict[str, Any]

READ_TIMEOUT_SECONDS = 5.0
LEAST_BYTES = 512
"""Of a database that is not empty: the smallest page that SQLite has."""
JSON_COLUMNS = frozenset(
    {"phases", "scope", "options", "phases_completed", "warnings", "errors", "counts", "detail"}
)


@contextmanager
def open_readonly(
    path: Path, *, timeout: float = READ_TIMEOUT_SECONDS, is_still: bool = False
) -> Iterator[sqlite3.Connection]:
    """A handle that can only read a mirror; it waits `timeout` seconds for a lock.

    `is_still` as `connect_readonly` has it. Raises StorageError where there is no usable database,
    or one that is no mirror.
    """
    with (
        named_failures(path),
        closing(connect_readonly(path, timeout=timeout, is_still=is_still)) as connection,
    ):
        _refuse_what_is_no_mirror(connection, path)
        yield connection


def _refuse_what_is_no_mirror(connection: sqlite3.Connection, path: Path) -> None:
    """An empty file, or another program's, must not pass for a mirror without rows."""
    found = connection.execute(
        "SELECT count(*) AS tables, count(*) FILTER (WHERE name IN ('alembic_version',"
        " 'sync_cursors')) AS ours FROM sqlite_master WHERE type = 'table'"
    ).fetchone()
    if found["ours"] < 2:
        raise NoMirror(path, is_empty=found["tables"] == 0)


def connect_readonly(
    path: Path, *, timeout: float = READ_TIMEOUT_SECONDS, is_still: bool = False
) -> sqlite3.Connection:
    """A handle for any thread, one at a time. Raises StorageError or an error of sqlite3.

    `is_still`: nobody has the file open, so that no log is made beside it to read it.
    """
    found = status_of(path)
    if found is None:
        raise StorageError(f"there is no database at {path} yet; a first sync makes it")
    if stat.S_ISDIR(found.st_mode):
        raise StorageError(folder_text(path))
    if 0 < found.st_size < LEAST_BYTES:  # SQLite would take it for an empty database
        raise NotADatabase(path, "it is too short for one")
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if is_still else ''}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.row_factory = _as_dict
    return connection


@contextmanager
def named_failures(path: Path) -> Iterator[None]:
    """Errors of sqlite3 within the block, as StorageError that says what to do."""
    try:
        yield
    except (sqlite3.DatabaseError, Unreadable) as error:
        raise _readable_error(path, error) from error


def folder_text(path: Path) -> str:
    """What to say where a folder is named as the database."""
    return f"{path} is a folder; name the database file in it: {path / 'testio.db'}, for example"


def _readable_error(path: Path, error: sqlite3.DatabaseError | Unreadable) -> StorageError:
    if is_damage(error):
        return damaged(path, error)
    code = getattr(error, "sqlite_errorcode", None)
    if is_busy(error):
        return DatabaseBusy(f"{path} is locked by another process; try again")
    if code is not None and code & 0xFF == sqlite3.SQLITE_CANTOPEN:
        if not os.access(path, os.R_OK):
            return NotAllowed(f"{path} cannot be read: {os.strerror(errno.EACCES)}; {OTHER_USER}")
        is_closed = not os.access(path.parent, os.W_OK)
    else:
        is_closed = bool(remedy(error))
    if is_closed:
        reason = "to read it, too, SQLite makes files beside it, and this user may not"
        return NotAllowed(f"{path} cannot be read: {reason}; {OTHER_USER}")
    return StorageError(f"{path} cannot be read: {error}{known_cause(error, path)}")


def _as_dict(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> Row:
    names = (column[0] for column in cursor.description)
    return {name: _decoded(name, value) for name, value in zip(names, values, strict=True)}


def _decoded(name: str, value: Any) -> Any:
    return json_of(value, name) if name in JSON_COLUMNS and isinstance(value, str) else value
