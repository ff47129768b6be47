"""A mirror built anew beside the old one, which takes its place in one transaction (rule 16).

The database file is never renamed or swapped: readers and the writer lock hold on to it. Until
the transaction is committed, a crash at any moment leaves the old mirror as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from rules.records import Page, Stored
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.engine.migrate import migrate
from storage.engine.times import as_text
from storage.replacing.replacing import replace_rows
from storage.settings.account_rows import note_account
from storage.writes.mirror_rows import MirrorRows

STAGED = "staged"
"""The name under which the staging file is attached."""


def staging_path(database: Path, run_id: int) -> Path:
    """Where the fresh start of a run is built."""
    return database.with_name(f"{database.name}.fresh-{run_id}")


def remove_leftovers(database: Path) -> None:
    """Remove what a killed process has left: of fresh starts, of a rebuild that had not come to
    its end, of a backup before a migration. Call it only with the lock held."""
    name = re.escape(database.name)
    ours = re.compile(
        rf"({name}\.(fresh-\d+|rebuilding|salvage)|\.{name}\.schema-.+\.[0-9a-f]{{12}}\.tmp)"
        r"(-wal|-shm|-journal)?"
    )
    for path in database.parent.glob("*"):
        if ours.fullmatch(path.name):
            with suppress(OSError):  # it costs space, and is tried again with the next lock
                path.unlink()


class FreshStart:
    """The staging file of one run at a time; the MirrorWriter's thread uses it, and no other.

    Raises StorageError where a file cannot be used.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._run_id: int | None = None
        self._given_up: int | None = None
        self._staging: Database | None = None

    def store_page(self, page: Page, *, run_id: int, at: datetime) -> Stored:
        """Write one page into the run's staging file, which the first one makes."""
        return MirrorRows(self._of(run_id)).store_page(page, run_id=run_id, at=at)

    def adopt(self, run_id: int, *, at: datetime, account: Mapping[str, str]) -> None:
        """Put what was built in the place of the old rows; on disk on return, or nothing is done.

        `account`: whose mirror it is from now on, as it stands in `settings`.
        """
        if self._staging is None or self._run_id != run_id:
            raise StorageError(f"run {run_id} has built nothing that could be put in place")
        path = self._staging.path
        self._let_go()  # all of it is in the one file then, which only we attach
        try:
            with (
                self._database.attached(path, STAGED),
                self._database.transaction(durable=True) as connection,
            ):
                replace_rows(connection, STAGED)
                note_account(connection, account, as_text(at))
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what was built, if anything was. Never raises."""
        self._let_go()
        remove_leftovers(self._database.path)
        if self._run_id is not None:
            self._given_up, self._run_id = self._run_id, None

    def _of(self, run_id: int) -> Database:
        if run_id == self._given_up:  # the rest of it would pass for the whole
            raise StorageError(f"what run {run_id} had built was given up")
        if self._staging is None or self._run_id != run_id:
            self.discard()
            self._run_id = run_id
            self._staging = Database(staging_path(self._database.path, run_id))
            migrate(self._staging)
        return self._staging

    def _let_go(self) -> None:
        if self._staging is not None:
            self._staging.close()
            self._staging = None
