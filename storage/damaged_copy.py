"""A private copy of a damaged database, opened as leniently as SQLite allows.

The damaged files are only read. Where the first hundred bytes are lost, the copy gets those of a
database of ours: the schema that follows them may still be there.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from storage.soundness import MAGIC

PAGE = 4096
OF_TABLES = (0x05, 0x0D)
"""How a page of a table begins; the schema is one, behind the header of the file."""
SCHEMA_FORMAT, ENCODING_UTF8 = 4, 1


@contextmanager
def opened_copy(database: Path, copy: Path) -> Iterator[sqlite3.Connection | None]:
    """The copy, made and removed again; texts are bytes. None if even its schema is lost.

    Raises OSError where there is no room for it.
    """
    try:
        for suffix in ("", "-wal"):
            _copy(database.with_name(database.name + suffix), copy.with_name(copy.name + suffix))
        connection = _open(copy) or _open(copy, mended=True)
        if connection is None:
            yield None
        else:
            with closing(connection):
                yield connection
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    with suppress(FileNotFoundError), source.open("rb") as original:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as copy:
            shutil.copyfileobj(original, copy, 2**20)


def _open(copy: Path, *, mended: bool = False) -> sqlite3.Connection | None:
    if mended and not _mend_header(copy):
        return None
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.text_factory = bytes
    try:
        connection.execute("PRAGMA writable_schema = ON")  # a file that is too short is read, too
        connection.execute("PRAGMA cell_size_check = ON")
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return connection
    except sqlite3.DatabaseError:
        pass
    connection.close()
    return None


def _mend_header(copy: Path) -> bool:
    """Whether the first page looks like that of a database, now that it has a header again."""
    with copy.open("r+b") as file:
        file.seek(100)
        begins = file.read(1)
        if not begins or begins[0] not in OF_TABLES:
            return False
        file.seek(0)
        file.write(_header(pages=max(1, copy.stat().st_size // PAGE)))
    return True


def _header(*, pages: int) -> bytes:
    """As the file format has it, for a database in WAL mode without free pages."""
    changes = (1).to_bytes(4, "big")
    return b"".join(
        (
            MAGIC,
            PAGE.to_bytes(2, "big") + bytes((2, 2, 0, 64, 32, 32)) + changes,
            pages.to_bytes(4, "big") + bytes(12) + SCHEMA_FORMAT.to_bytes(4, "big"),
            bytes(8) + ENCODING_UTF8.to_bytes(4, "big") + bytes(32) + changes,
            sqlite3.sqlite_version_info[0].to_bytes(4, "big"),
        )
    )
