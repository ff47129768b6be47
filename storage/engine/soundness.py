"""Whether the file at a path is a sound database, looked at before anything is written.

The database and its log are only read, and by SQLite alone: to close any handle of a file gives up
the locks that SQLite has on it in the same process, and another process could then remove the log
under a writer. Bytes are looked at only where SQLite has found that the file is no database.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from storage.engine.damage import damaged
from storage.engine.errors import NotADatabase, StorageError, remedy
from storage.engine.place import is_held, is_missing, real_path
from storage.engine.readonly import LEAST_BYTES, folder_text, named_failures

MAGIC = b"SQLite format 3\0"
HEADER = 100
SMALL = 16 * 2**20
"""Bytes up to which every page is looked at with each start: 50 ms, and half a second from a slow
disk. docs/decisions.md has what was measured."""
MOST_SHOWN = 3
NO_DAMAGE = (
    "***",
    "malformed inverted index for FTS",
    "unable to validate the inverted index for FTS",
)
"""A headline, and what newer SQLite finds in another program's full-text index."""
BUSY_SECONDS = 5.0
KINDS = (
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"PK\x03\x04", "an archive"),
    (b"\x1f\x8b", "a compressed file"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
)
TEXT = frozenset((9, 10, 13, *range(32, 127)))


def require_sqlite(path: Path) -> None:
    """Raise StorageError where the path is something else than a SQLite file or nothing yet."""
    try:
        found = None if is_missing(path) else path.stat()
        if found is None:
            return
        if stat.S_ISDIR(found.st_mode):
            raise StorageError(folder_text(path))
        if not stat.S_ISREG(found.st_mode):
            raise StorageError(f"{path} is not a regular file; set TESTIO_DB_PATH to one")
        if is_held(path):
            return
        if not _is_known_to_sqlite(path) and not (begins := _beginning(path)).startswith(MAGIC):
            raise NotADatabase(path, _looks(begins))
    except OSError as error:
        reason = f"{error.strerror}{remedy(error)}"
        raise StorageError(f"{path} cannot be opened: {reason}") from error


def refuse_damaged(path: Path, *, whole: bool) -> None:
    """Raise DatabaseDamaged where there is damage; NotADatabase is one of its kinds.

    `whole`: look at every page and index, whatever the size; a log that was left behind asks for
    that as well. Else a small file's pages are looked at, and a large one's header, length and
    schema. Raises StorageError where the file cannot be read.
    """
    require_sqlite(path)
    if is_missing(path) or path.stat().st_size == 0:
        return
    if whole or _size(path, "-wal") > 0:
        check: str | None = "integrity_check"
    else:
        check = "quick_check" if path.stat().st_size <= SMALL else None
    if found := _findings(path, check):
        raise damaged(path, "; ".join(found))


def inspect_thoroughly(path: Path) -> list[str]:
    """What is wrong with any page, indices included. Raises as `refuse_damaged` does."""
    require_sqlite(path)
    return _findings(path, "integrity_check")


def _findings(path: Path, check: str | None) -> list[str]:
    if _size(path, "-journal"):
        return []  # SQLite first has to take back what was never finished
    with open_unchanged(path) as connection:
        if not _size(path, "-wal") and (short := _missing_bytes(connection, path.stat().st_size)):
            return [short]
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        found = [] if check is None else connection.execute(f"PRAGMA {check}({MOST_SHOWN})")
        return found_by(row[0] for row in found)[:MOST_SHOWN]


@contextmanager
def open_unchanged(path: Path) -> Iterator[sqlite3.Connection]:
    """A reader that makes no log where none is; nobody may write meanwhile. Raises StorageError.

    DatabaseDamaged where the file cannot be read because of that.
    """
    uri = _uri(path, is_still=not _beside(path, "-wal").exists())
    with (
        named_failures(path),
        closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection,
    ):
        yield connection


def found_by(check: Iterable[str]) -> list[str]:
    """The findings of one of SQLite's checks; it puts several, and a headline, into one row."""
    lines = (line for text in check for line in text.splitlines())
    return [line for line in lines if line != "ok" and not line.startswith(NO_DAMAGE)]


def _missing_bytes(connection: sqlite3.Connection, size: int) -> str | None:
    """A file that was cut off within its last page; SQLite itself misses whole pages only."""
    if size < LEAST_BYTES:
        return f"it has {size} bytes, and {LEAST_BYTES} belong there at least"
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    if size < pages * page_size:
        return f"it has {size} bytes, and {pages * page_size} belong there"
    return None


def _is_known_to_sqlite(path: Path) -> bool:
    """Whether it takes the header for one; an empty file is a database without any tables."""
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if 0 < path.stat().st_size < LEAST_BYTES:  # SQLite would take it for an empty database
        return False
    try:
        with closing(sqlite3.connect(_uri(path, is_still=True), uri=True)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        return error.sqlite_errorcode != sqlite3.SQLITE_NOTADB
    return True


def _uri(path: Path, *, is_still: bool) -> str:
    """`is_still`: no lock is taken, and no log looked for."""
    return f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if is_still else ''}"


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER)


def _size(path: Path, suffix: str) -> int:
    try:
        return _beside(path, suffix).stat().st_size
    except FileNotFoundError:
        return 0


def _beside(path: Path, suffix: str) -> Path:
    """Where SQLite has its log: beside the file itself, not beside a link to it."""
    real = real_path(path)
    return real.with_name(real.name + suffix)


def _looks(begins: bytes) -> str:
    for magic, kind in KINDS:
        if begins.startswith(magic):
            return f"it looks like {kind}"
    if not begins.strip(b"\0"):
        return "it begins with zeros"
    if all(byte in TEXT for byte in begins):
        return "it looks like text"
    return "its beginning is lost, or it is something else"
