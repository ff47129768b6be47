"""A private copy of a damaged database, opened as leniently as SQLite allows.

The damaged files are only read. Where the copy's header or schema is lost, it gets another one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from storage.replacing.schema_repair import mend_header, mend_schema


@contextmanager
def opened_copy(
    database: Path, copy: Path, tables: Mapping[str, str]
) -> Iterator[sqlite3.Connection | None]:
    """The copy, made and removed again; texts are bytes. None if no table can be found in it.

    `tables`: what is to be found, with the columns of each (`schema_repair.columns_of`). Raises
    OSError where there is no room for the copy.
    """
    try:
        for suffix in ("", "-wal"):
            _copy(database.with_name(database.name + suffix), copy.with_name(copy.name + suffix))
        connection = _open(copy)
        if connection is None and mend_header(copy):
            connection = _open(copy)
        if connection is None and mend_schema(copy, tables):
            connection = _open(copy)
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


def _open(copy: Path) -> sqlite3.Connection | None:
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
