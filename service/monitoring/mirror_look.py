"""Looks into the database for the diagnosis: for a second at most, and whatever it is like."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from config.settings import Settings
from rules.diagnosis.limits import Limits
from rules.diagnosis.observations import Access, LastRun, ListingSeen, MirrorSeen
from rules.model import Kind, RunStatus
from storage.engine.errors import StorageError
from storage.engine.place import owner_of, real_path
from storage.engine.readonly import Row
from storage.engine.revision import REVISION
from storage.engine.times import as_instant
from storage.reads import monitoring_queries
from storage.reads.access import access_of, error_text, read_unchanged

DATABASE_SECONDS = 1.0


def limits_of(settings: Settings, interval: float | None = None) -> Limits:
    """How old data may get; `interval` as it is now, if it is another than was set."""
    return Limits.of(
        interval=settings.refresh_interval_seconds if interval is None else interval,
        reconcile=settings.reconcile_interval_seconds,
        max_age=settings.health_max_age_seconds,
        request_timeout=settings.http_timeout_seconds,
    )


def look_into(
    settings: Settings, *, since: datetime | None = None, leave_no_trace: bool = False
) -> MirrorSeen:
    """Never raises, and takes a second at most. `since`: when the daemon started.

    `leave_no_trace`: not even SQLite's log is made beside the file.
    """
    path = settings.db_path

    def read(is_still: bool) -> MirrorSeen:
        with monitoring_queries.open_briefly(
            path, DATABASE_SECONDS, is_still=is_still
        ) as connection:
            return _read(connection, settings, since)

    try:
        return read_unchanged(real_path(path), read) if leave_no_trace else read(False)
    except (StorageError, OSError) as error:
        return MirrorSeen(
            path=str(path),
            access=access_of(error, path),
            why=error_text(path, error),
            owner=owner_of(path),
            log_bytes=log_bytes(path),
        )


def log_bytes(path: Path) -> int:
    """The size of SQLite's log beside the database."""
    try:
        return os.stat(f"{real_path(path)}-wal").st_size
    except OSError:
        return 0


def _read(connection: sqlite3.Connection, settings: Settings, since: datetime | None) -> MirrorSeen:
    revision = monitoring_queries.revision(connection)
    if revision < REVISION:
        why = f"{revision} is older than this program's {REVISION}"
        return MirrorSeen(path=str(settings.db_path), access=Access.OLDER, why=why)
    runs = monitoring_queries.runs(connection)
    last = monitoring_queries.last_run(connection)
    return MirrorSeen(
        path=str(settings.db_path),
        access=Access.READ,
        listings=tuple(listings_in(connection, settings, since)),
        last_run=None if last is None else _last_run(*last),
        unfinished_run=runs["unfinished"],
        has_runs=runs["newest"] is not None,
        unlisted=monitoring_queries.unlisted(connection, settings.product_ids),
        pending_sets=monitoring_queries.pending_deletions(connection)["sets"],
        log_bytes=log_bytes(settings.db_path),
        paused_since=_instant(monitoring_queries.paused_since(connection)),
    )


def listings_in(
    connection: sqlite3.Connection, settings: Settings, since: datetime | None = None
) -> Iterator[ListingSeen]:
    """What is known of each product and kind in scope. `since`: from when on, where none knows."""
    unknown = since or datetime.now(UTC)
    for row in monitoring_queries.listings(connection, settings.product_ids):
        yield listing_of(row, unknown)


def listing_of(row: Row, unknown: datetime) -> ListingSeen:
    """A row of the view `freshness`, or of the lighter query that the daemon makes."""
    return ListingSeen(
        product_id=row["product_id"],
        kind=Kind(row["kind"]),
        complete_as_of=_instant(row["complete_as_of"]),
        current_as_of=_instant(row["current_as_of"]),
        known_since=_instant(row.get("first_seen_at")) or unknown,
        unusable=row["holes"],
        failing_since=_instant(row["failing_since"]),
        error=row["last_error"],
        tried_at=_instant(row.get("updated_at")),
        product_name=row.get("product_name") or "",
    )


def _last_run(row: Row, problems: dict[str, int]) -> LastRun:
    return LastRun(run_id=row["id"], status=RunStatus(row["status"]), problems=problems)


def _instant(stored: str | None) -> datetime | None:
    return None if stored is None else as_instant(stored)
