"""Looks a database over without changing anything: no lock is taken, no file is made.

A reader of a WAL database makes its -wal and -shm files where they are missing. Without them
nobody has it open, so it is read as a file that does not change, and again if it did.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from glob import escape
from pathlib import Path
from urllib.parse import quote

from rules.diagnosis.of_machine import FileOfDatabase
from storage.engine.damage import is_damage
from storage.engine.errors import (
    DatabaseDamaged,
    StorageError,
)
from storage.engine.place import owner_of, real_path
from storage.engine.soundness import MAGIC, found_by
from storage.migrations.renewing import SCRUBBED, USER_VERSION
from storage.reads.access import access_of, error_text, read_unchanged

STEPS_BETWEEN_LOOKS = 20_000
MOST_DAMAGE_SHOWN = 3
BUSY_SECONDS = 5.0


def inspect_database(path: Path, *, thorough: bool, seconds: float) -> FileOfDatabase:
    """What stands in the file at the path. The check of its pages ends after `seconds`, unless
    it is `thorough`."""
    facts = FileOfDatabase(
        path=str(path), is_writable=_is_writable(path), with_passwords=_with_passwords(path)
    )
    try:
        path.lstat()
    except FileNotFoundError:
        return replace(facts, exists=False, no_folder=_no_folder(path))
    except OSError as error:
        return _unusable(facts, path, error)
    path = real_path(path)  # the log is beside the file itself
    give_up_at = float("inf") if thorough else time.monotonic() + seconds
    try:
        return read_unchanged(
            path,
            lambda is_still: _read(path, facts, give_up_at, thorough=thorough, is_still=is_still),
        )
    except (sqlite3.Error, OSError, StorageError) as error:
        if isinstance(error, DatabaseDamaged):
            return replace(facts, damage=(error.what,))
        if is_damage(error):
            return replace(facts, damage=(str(error),))
        return _unusable(facts, path, error)


def _unusable(facts: FileOfDatabase, path: Path, error: Exception) -> FileOfDatabase:
    access, why = access_of(error, path), error_text(path, error)
    return replace(facts, access=access, why=why, owner=owner_of(path))


def _is_writable(path: Path) -> bool:
    """Whether this user may write the file, and make its log beside it."""
    if os.path.lexists(path) and not os.access(path, os.W_OK):
        return False
    folder = next(above for above in path.absolute().parents if os.path.lexists(above))
    return os.access(folder, os.W_OK | os.X_OK)


def _no_folder(path: Path) -> tuple[str, str] | None:
    """The missing folder of a database, and where it cannot be made; None if all is well.

    Even who may write everywhere makes nothing on a file system without any size, like /proc.
    """
    folder = path.absolute().parent
    if os.path.lexists(folder):
        return None
    above = next(each for each in folder.parents if os.path.lexists(each))
    if os.access(above, os.W_OK | os.X_OK) and os.statvfs(above).f_blocks:
        return None
    return str(folder), str(above)


def _read(
    path: Path, facts: FileOfDatabase, give_up_at: float, *, thorough: bool, is_still: bool
) -> FileOfDatabase:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if is_still else ''}"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
        connection.execute("BEGIN")  # one state of the database for all that follows
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        facts = replace(
            facts,
            is_empty=not tables,
            revision=_value(connection, tables, "alembic_version", "max(version_num)"),
            base_url=_value(
                connection, tables, "settings", "max(value)", "WHERE name = 'account.base_url'"
            ),
            newest_run_at=_instant(_value(connection, tables, "sync_runs", "max(started_at)")),
        )
        connection.set_progress_handler(lambda: time.monotonic() > give_up_at, STEPS_BETWEEN_LOOKS)
        return _check(connection, facts, thorough=thorough)


def _with_passwords(path: Path) -> tuple[str, ...]:
    """Files beside the database that an earlier version made of it: backups, and damaged ones."""
    found = []
    with suppress(OSError):
        for copy in sorted(path.absolute().parent.glob(f"{escape(path.name)}.*")):
            if copy.is_file() and copy.suffix != ".lock":
                with suppress(OSError), copy.open("rb") as file:
                    head = file.read(USER_VERSION.stop)
                    if head.startswith(MAGIC) and head[USER_VERSION] < SCRUBBED.to_bytes(4):
                        found.append(copy.name)
    return tuple(found)


def _check(
    connection: sqlite3.Connection, facts: FileOfDatabase, *, thorough: bool
) -> FileOfDatabase:
    check = "integrity_check" if thorough else "quick_check"
    try:
        found = connection.execute(f"PRAGMA {check}({MOST_DAMAGE_SHOWN})").fetchall()
        damage = tuple(found_by(str(row[0]) for row in found))[:MOST_DAMAGE_SHOWN]
        loose = len(connection.execute("PRAGMA foreign_key_check").fetchall())
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        return replace(facts, finished=False)
    return replace(facts, damage=damage, loose_references=loose)


def _value(
    connection: sqlite3.Connection, tables: set[str], table: str, column: str, where: str = ""
) -> str | None:
    if table not in tables:
        return None
    found = connection.execute(f"SELECT {column} FROM {table} {where}").fetchone()[0]
    return None if found is None else str(found)


def _instant(text: str | None) -> datetime | None:
    try:
        instant = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant if instant is None or instant.tzinfo else None
