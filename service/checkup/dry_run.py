"""A sync that changes nothing: the real one, into a private copy of the database.

It needs no writer lock on the original and asks no daemon, so it works beside either.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from config.settings import Settings
from control.protocol import StartRunBody
from rules.model import SyncResult
from rules.run.progress import RunProgress
from service.assembly import make_sync_service, request_of
from service.store import open_store
from storage.engine import readonly
from storage.engine.database import Database
from storage.engine.lock_holder import Role
from storage.engine.migrate import migrate
from storage.engine.soundness import refuse_damaged
from storage.reads.comparing import RowChange, compare_mirrors
from storage.writes.sync_log import SyncLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a run would come to; its id is nobody's."""

    result: SyncResult
    changes: tuple[RowChange, ...]


def rehearse(
    settings: Settings,
    token: SecretStr,
    body: StartRunBody,
    *,
    on_progress: Callable[[RunProgress], None],
    cancel: threading.Event,
) -> Rehearsal:
    """Sync into a copy and compare; the copy is removed, however this ends.

    Raises what `open_store` and `execute_sync` raise.
    """
    with tempfile.TemporaryDirectory(prefix="testio-sync-") as folder:
        before, after = Path(folder) / "before.db", Path(folder) / "after.db"
        _copy(settings.db_path, before)
        shutil.copyfile(before, after)
        request = request_of(settings, body)
        aside = settings.model_copy(update={"db_path": after})
        with open_store(aside, role=Role.ONE_SHOT) as store:
            result = make_sync_service(aside, token, store).execute_sync(
                request.phases,
                request.scope,
                request.options,
                request.trigger,
                on_progress=on_progress,
                cancel=cancel,
            )
        changes = tuple(compare_mirrors(before, after, run_id=result.run_id))
    return Rehearsal(result=result, changes=changes)


def _copy(source: Path, target: Path) -> None:
    """A consistent copy in one file, of this program's schema; an empty one if there is none."""
    refuse_damaged(source, whole=False)
    if source.exists() and source.stat().st_size:
        with readonly.open_readonly(source) as original, closing(sqlite3.connect(target)) as copy:
            original.backup(copy)
    database = Database(target)
    try:
        migrate(database)
        # A run that a daemon carries out right now stands still in the copy, and is none of ours.
        SyncLog(database).close_interrupted(at=datetime.now(UTC))
    finally:
        database.close()
