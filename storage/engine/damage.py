"""Which failures of SQLite mean that the file is damaged, and which files this process met so.

Once damage was met, by whichever reader or writer, this process writes nothing more to that file:
to write on would spread it, and what was appended could not be told from it.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from storage.engine.errors import DatabaseDamaged
from storage.engine.place import real_path

CODES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
CORRUPT_FILE_SYSTEM = 8458
"""SQLITE_IOERR_CORRUPTFS, which the module of the standard library does not name."""
NOT_TEXT = "Could not decode to UTF-8"
"""How that module begins its complaint about text that is none; it has no code."""

_met: dict[str, DatabaseDamaged] = {}


class Unreadable(ValueError):
    """What stands in a column is not what this program writes there."""


def json_of(stored: str, column: str) -> Any:
    """The value of a column that holds JSON. Raises Unreadable."""
    try:
        return json.loads(stored)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unreadable(f"the column {column} does not hold JSON") from error


def is_damage(error: BaseException | None) -> bool:
    """Whether it tells that the file is damaged, rather than locked, closed or asked wrongly."""
    if isinstance(error, Unreadable):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return str(error).startswith(NOT_TEXT)
    if code == sqlite3.SQLITE_CORRUPT_VTAB:
        return False  # another program's index: `known_cause` says so
    return code & 0xFF in CODES or code == CORRUPT_FILE_SYSTEM


def is_busy(error: BaseException | None) -> bool:
    """Whether it tells that another connection has a lock."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def damaged(path: Path, error: BaseException | str) -> DatabaseDamaged:
    """The error to raise; from now on `met` knows it, the first one of each file."""
    return _met.setdefault(_key(path), DatabaseDamaged(path, str(error)))


def met(path: Path) -> DatabaseDamaged | None:
    """What this process has met at the path; None if all was well."""
    return _met.get(_key(path))


def forget(path: Path) -> None:
    """Another file stands at the path now."""
    _met.pop(_key(path), None)


def _key(path: Path) -> str:
    return str(real_path(path))  # a link leads to the same file
