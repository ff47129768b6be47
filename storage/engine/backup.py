"""A copy of the whole database as it was at one moment, while others go on writing."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from storage.engine.atomic_file import CannotPublish, private_file_beside, publish, refuse_existing
from storage.engine.damage import damaged
from storage.engine.errors import StorageError
from storage.engine.place import real_path
from storage.engine.readonly import open_readonly
from storage.engine.soundness import found_by

PAGES_AT_ONCE = 2_000
BESIDE = ("", "-wal", "-shm", "-journal", ".lock")
"""What belongs to a database and must never be the target of its backup."""

Progress = Callable[[int, int], None]
"""Told of pages copied, and of pages in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A finished copy: how large it is, and how long it took."""

    path: Path
    bytes: int
    seconds: float


def back_up(
    database: Path, target: Path, *, force: bool = False, progress: Progress | None = None
) -> Backup:
    """Copy the database into `target`, checked, for its owner only, in one rename.

    The copy is one SQLite file that needs no others. Raises CannotPublish where it cannot be put
    there, OSError where the disk is full, StorageError where the database cannot be read (or is
    damaged), or the copy is not sound.
    """
    began = time.monotonic()
    refuse_existing(target, force=force)
    _refuse_our_own(database, target)
    with private_file_beside(target) as path:
        _copy(database, path, progress)
        _check(database, path)
        size = path.stat().st_size
        publish(path, target, force=force)
    return Backup(path=target, bytes=size, seconds=time.monotonic() - began)


def _refuse_our_own(database: Path, target: Path) -> None:
    real = real_path(database)
    for suffix in BESIDE:
        own = real.with_name(real.name + suffix)
        if real_path(target) == own or (target.exists() and own.exists() and target.samefile(own)):
            raise CannotPublish(f"{target} belongs to the database itself; name another file")


def _copy(database: Path, path: Path, progress: Progress | None) -> None:
    """All pages of one snapshot: the open transaction holds it while others write."""

    def tell(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    with open_readonly(database) as source, closing(_writing(path)) as copy:
        source.isolation_level = None
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        try:
            source.backup(copy, pages=PAGES_AT_ONCE, progress=tell, sleep=0)
            # The pages say WAL, as the original does; a copy is to be one file.
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise


def _writing(path: Path) -> sqlite3.Connection:
    """Without journal and syncs: an unfinished copy is thrown away, a finished one is synced."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA journal_mode = OFF")
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _check(database: Path, copy: Path) -> None:
    """Raise DatabaseDamaged where a page of both is damaged, StorageError where the copy's is."""
    try:
        with closing(_writing(copy)) as connection:
            wrong = _wrong_pages(connection)
    except sqlite3.DatabaseError as error:
        wrong = [str(error)]
    if not wrong:
        return
    with open_readonly(database) as original:
        original.row_factory = None
        if damage := _wrong_pages(original):
            raise damaged(database, "; ".join(damage))
    raise StorageError(f"the copy is not sound, so it was thrown away: {'; '.join(wrong)}")


def _wrong_pages(connection: sqlite3.Connection) -> list[str]:
    return found_by(str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)"))
