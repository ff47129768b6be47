"""Makes a damaged database anew: its files are set aside, what can be read is saved.

The writer lock is held from the first look to the last rename. The sync that reads the rest from
the remote comes afterwards, and is an ordinary one.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import structlog

from config.settings import Settings
from config.version import program_version
from rules.run.events import EventName, SyncEvent
from rules.text.wording import counted
from service.account import refuse_another_url
from service.store import prepare_files
from storage.engine.database import Database
from storage.engine.errors import DatabaseDamaged, NewerSchema, StorageError
from storage.engine.lock_holder import Role, lock_path, read_holder
from storage.engine.migrate import migrate
from storage.engine.place import is_held, real_path, status_of
from storage.engine.revision import REVISION
from storage.engine.soundness import inspect_thoroughly, open_unchanged
from storage.engine.writer_lock import WriterLock
from storage.replacing import file_swap
from storage.replacing.damaged_copy import opened_copy
from storage.replacing.fresh_start import remove_leftovers
from storage.replacing.salvage import SavedTable, salvage, unsound_rows
from storage.replacing.schema_repair import columns_of
from storage.settings.account_rows import AccountRows
from storage.writes.sync_log import SyncLog

log = structlog.get_logger(__name__)

OURS = "sync_cursors"
"""A table that every mirror has."""
TRACE = f"CREATE TABLE {OURS}".encode()
"""Stands in its schema, and so somewhere in its bytes."""
TRACE_BYTES = 64 * 2**20


class CannotRebuild(Exception):
    """There is nothing to rebuild, or it is not ours to set aside; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What came of it. `damaged`: under which name the old files are, or would be."""

    damage: str
    files: tuple[Path, ...]
    damaged: Path
    tables: tuple[SavedTable, ...]


class Rebuilding:
    """A damaged database under the writer lock. `damage` says what is wrong with it."""

    def __init__(self, settings: Settings, damage: str) -> None:
        self.path = real_path(settings.db_path)  # SQLite's other files are beside the file itself
        self.damage = damage
        self.files = tuple(f for f in file_swap.files_of(self.path) if f.exists())
        self.backups = backups_beside(self.path)
        self._settings = settings
        self._damaged = file_swap.damaged_path(self.path)

    def rebuild(self, *, dry_run: bool) -> Rebuilt:
        """Save what can be saved into a new database, and put that in place.

        `dry_run`: throw the new one away instead. Raises SettingsError where the old one mirrors
        another account, NewerSchema, StorageError, or OSError where there is no room; then the
        files are as they were.
        """
        try:
            tables = self._build()
            if not dry_run:
                file_swap.put_in_place(self.path, self._damaged)
        finally:
            remove_leftovers(self.path)
        return Rebuilt(
            damage=self.damage, files=self.files, damaged=self._damaged, tables=tuple(tables)
        )

    def _build(self) -> list[SavedTable]:
        target = file_swap.building_path(self.path)
        new = Database(target, mode=self._settings.db_mode)
        try:
            migrate(new)
            with new.transaction() as connection:
                tables_there = columns_of(connection)
            copy = file_swap.copy_path(self.path)
            with opened_copy(self.path, copy, tables_there) as old:
                _refuse_newer(self.path, old)
                with new.transaction(durable=True) as connection:
                    tables = salvage(old, connection)
            refuse_another_url(AccountRows(new), self._settings, self.path)
            SyncLog(new).write([self._event(tables)])
        finally:
            new.close()
        if target.with_name(f"{target.name}-wal").exists():
            raise StorageError(f"{target} was not written whole; look at the disk and try again")
        return tables

    def _event(self, tables: list[SavedTable]) -> SyncEvent:
        return SyncEvent(
            at=datetime.now(UTC),
            event=EventName.DATABASE_REBUILT,
            detail={
                "damage": self.damage,
                "set_aside": str(self._damaged),
                "tables": [asdict(table) for table in tables],
            },
        )


@contextmanager
def open_damaged(settings: Settings, *, force: bool = False) -> Iterator[Rebuilding]:
    """Take the writer lock and look the database over, page by page.

    `force`: also a file that nothing shows to have been a mirror. Raises CannotRebuild, LockHeld,
    or another StorageError.
    """
    path = settings.db_path
    _refuse_foreign(path, force=force)
    lock = WriterLock(path, role=Role.ONE_SHOT, version=program_version(), socket=None)
    lock.acquire(wait_seconds=0.0)
    try:
        prepare_files(path)
        damage = find_damage(path)
        if damage is None:
            raise CannotRebuild(
                f"{path} is whole: there is nothing to rebuild. `testio-sync sync --nuke` reads "
                "the whole account anew"
            )
        yield Rebuilding(settings, damage)
    finally:
        lock.release()


def backups_beside(path: Path) -> tuple[Path, ...]:
    """The copies that upgrades have made of it."""
    begins = f"{path.name}.schema-"
    beside = path.parent.glob("*.bak")
    return tuple(sorted(file for file in beside if file.name.startswith(begins)))


def find_damage(path: Path) -> str | None:
    """What SQLite finds in any page, or this program in any row; None if all is well."""
    try:
        if found := inspect_thoroughly(path):
            return "; ".join(found)
    except DatabaseDamaged as damage:
        return damage.what
    with open_unchanged(path) as connection:
        connection.text_factory = bytes
        tables = unsound_rows(connection)
    return "; ".join(map(_unsound, tables)) or None


def _unsound(table: SavedTable) -> str:
    if table.is_cut:
        return f"{table.name} cannot be read whole"
    return f"{counted(table.refused, 'row')} of {table.name} cannot have been written so"


def _refuse_foreign(path: Path, *, force: bool) -> None:
    found = status_of(path)
    if found is None or found.st_size == 0:
        if file_swap.is_interrupted(real_path(path)):
            return  # a crash came between two renames
        raise CannotRebuild(f"there is no database at {path} yet; a first sync makes it")
    if not stat.S_ISREG(found.st_mode) or force or _was_a_mirror(path):
        return  # what is no file is told by whoever opens it
    raise CannotRebuild(
        f"nothing in {path} shows that it ever was a mirror of testio-sync; is TESTIO_DB_PATH "
        "right? --force sets the file aside all the same"
    )


def _was_a_mirror(path: Path) -> bool:
    """By its tables; where they cannot be read, by traces of them, or of a writer of ours."""
    tables = _tables(path)
    if tables:
        return OURS in tables
    return read_holder(lock_path(path)) is not None or is_held(path) or _has_trace(path)


def _tables(path: Path) -> set[str]:
    try:
        with open_unchanged(path) as connection:
            return {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master")}
    except StorageError:
        return set()


def _has_trace(path: Path) -> bool:
    for part in file_swap.files_of(real_path(path))[:2]:
        if part.exists():
            with part.open("rb") as file:
                if TRACE in file.read(TRACE_BYTES):
                    return True
    return False


def _refuse_newer(path: Path, old: sqlite3.Connection | None) -> None:
    try:
        row = None if old is None else old.execute(REVISION_OF).fetchone()
    except sqlite3.DatabaseError:
        return
    found = row[0].decode(errors="replace") if row and isinstance(row[0], bytes) else ""
    if found.isdigit() and found > REVISION:
        raise NewerSchema(
            f"{path} has the schema {found}; this program knows up to {REVISION}. "
            "Use the version of testio-sync that wrote it"
        )


REVISION_OF = "SELECT CAST(version_num AS TEXT) FROM alembic_version"
