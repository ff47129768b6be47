"""Whether the file at a path is a sound database, looked at before anything is written.

The database and its log are only read. Call it before this process has the database open: to
close a file that SQLite has open in the same process would give up SQLite's locks on it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from storage.damage import damaged
from storage.errors import NotADatabase, StorageError, remedy
from storage.place import real_path
from storage.queries import folder_text, named_failures

MAGIC = b"SQLite format 3\0"
HEADER = 100
SMALL = 16 * 2**20
"""Bytes up to which every page is looked at with each start: 50 ms, and half a second from a slow
disk. docs/decisions.md has what was measured."""
MOST_SHOWN = 3
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


def refuse_strangers(path: Path) -> None:
    """Raise StorageError where the path is something else than a SQLite file or nothing yet."""
    try:
        if path.is_dir():
            raise StorageError(folder_text(path))
        if path.exists() and not path.is_file():
            raise StorageError(f"{path} is not a regular file; set TESTIO_DB_PATH to one")
        if path.exists() and (begins := _beginning(path)) and not begins.startswith(MAGIC):
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
    refuse_strangers(path)
    if not path.exists() or path.stat().st_size == 0:
        return
    if whole or _size(path, "-wal") > 0:
        check: str | None = "integrity_check"
    else:
        check = "quick_check" if path.stat().st_size <= SMALL else None
    if found := _findings(path, check):
        raise damaged(path, "; ".join(found))


def inspect_thoroughly(path: Path) -> list[str]:
    """What is wrong with any page, indices included. Raises as `refuse_damaged` does."""
    refuse_strangers(path)
    return _findings(path, "integrity_check")


def _findings(path: Path, check: str | None) -> list[str]:
    if _size(path, "-journal"):
        return []  # SQLite first has to take back what was never finished
    if not _size(path, "-wal") and (short := _missing_bytes(path)):
        return [short]
    return _look(path, check)


def _look(path: Path, check: str | None) -> list[str]:
    """What SQLite finds by one of its checks; without one the schema alone is read."""
    with open_unchanged(path) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        found = [] if check is None else connection.execute(f"PRAGMA {check}({MOST_SHOWN})")
        return found_by(row[0] for row in found)[:MOST_SHOWN]


@contextmanager
def open_unchanged(path: Path) -> Iterator[sqlite3.Connection]:
    """A reader that makes no log where none is; nobody may write meanwhile. Raises StorageError.

    DatabaseDamaged where the file cannot be read because of that.
    """
    still = "" if _beside(path, "-wal").exists() else "&immutable=1"
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{still}"
    with (
        named_failures(path),
        closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection,
    ):
        yield connection


def found_by(check: Iterable[str]) -> list[str]:
    """The findings of one of SQLite's checks; it puts several, and a headline, into one row."""
    lines = (line for text in check for line in text.splitlines())
    return [line for line in lines if line != "ok" and not line.startswith("***")]


def _missing_bytes(path: Path) -> str | None:
    """A file that is shorter than its header says was cut off, be it within its last page."""
    header = _beginning(path)
    page_size = int.from_bytes(header[16:18], "big")
    page_size = 65536 if page_size == 1 else page_size
    pages, size = int.from_bytes(header[28:32], "big"), path.stat().st_size
    is_valid = header[24:28] == header[92:96]  # else an old program wrote it, without the count
    if len(header) < HEADER or (is_valid and size < pages * page_size):
        return f"it has {size} bytes, and {max(HEADER, pages * page_size)} belong there"
    return None


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
