"""Reads `sync_events` as they come: each event once, in order, whatever becomes of the writer."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from storage.engine import readonly
from storage.engine.readonly import Row
from storage.reads import queries

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events are wanted; None and False mean all."""

    run_id: int | None = None
    product_id: int | None = None
    failures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What is new. `more`: there is more already. `moved_to`: the database is an older or another
    one than before, and reading goes on after this id of its events.
    """

    rows: list[Row]
    more: bool = False
    moved_to: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """Everything up to this event is read. `at` is its time, empty where it was never seen."""

    id: int
    at: str = ""


class EventFeed:
    """A reader's place in `sync_events`; a database may be away, or be replaced, meanwhile.

    Ids are given by the one writer in the order of its commits, and never twice, so that the
    highest one that was read is a safe place to go on from.
    """

    def __init__(
        self, path: Path, wanted: EventFilter | None = None, *, since: int | None = None
    ) -> None:
        self.path = path
        self._wanted = wanted or EventFilter()
        self._mark = None if since is None else _Mark(id=since)

    @property
    def last_id(self) -> int | None:
        """The id up to which everything is read; None before the first reading."""
        return None if self._mark is None else self._mark.id

    def start(self, limit: int) -> Batch:
        """The last `limit` events; after the id given as `since`, the first `limit`."""
        return self._read(limit)

    def poll(self) -> Batch:
        """What has come since, at most a page. Raises StorageError while it cannot be read."""
        return self._read(PAGE)

    def newest_id(self) -> int:
        """The highest id that an event has; 0 without events."""
        with readonly.open_readonly(self.path) as connection:
            newest = _newest(connection)
        return 0 if newest is None else newest.id

    def _read(self, limit: int) -> Batch:
        with readonly.open_readonly(self.path) as connection:
            connection.execute("BEGIN")  # all that follows is of one moment
            moved_to = self._moved_to(connection)
            if moved_to is not None:
                self._mark = _Mark(id=moved_to)
            rows = queries.events(
                connection,
                since=self.last_id,
                run_id=self._wanted.run_id,
                product_id=self._wanted.product_id,
                failures=self._wanted.failures,
                limit=limit,
            )
            newest = _newest(connection)
        more = self._mark is not None and len(rows) == limit
        self._advance(_mark_of(rows[-1]) if more else newest)
        return Batch(rows=rows, more=more, moved_to=moved_to)

    def _advance(self, mark: _Mark | None) -> None:
        """Events that were forgotten since (the retention) are no reason to go back."""
        if self._mark is None:
            self._mark = mark or _Mark(id=0)
        elif mark is not None and mark.id >= self._mark.id:
            self._mark = mark

    def _moved_to(self, connection: sqlite3.Connection) -> int | None:
        """From where to go on in a database that does not hold what was read; None if it does.

        A backup that was put back holds the older events; those that came after it are newer than
        the last one that was read.
        """
        mark = self._mark
        if mark is None or not mark.at or _holds(connection, mark):
            return None
        row = connection.execute(
            "SELECT coalesce(max(id), 0) AS id FROM sync_events WHERE at <= ?", (mark.at,)
        ).fetchone()
        return int(row["id"])


def _holds(connection: sqlite3.Connection, mark: _Mark) -> bool:
    row = connection.execute("SELECT at FROM sync_events WHERE id = ?", (mark.id,)).fetchone()
    if row is not None:
        return bool(row["at"] == mark.at)
    given = connection.execute(
        "SELECT seq FROM sqlite_sequence WHERE name = 'sync_events'"
    ).fetchone()
    return given is not None and given["seq"] >= mark.id


def _newest(connection: sqlite3.Connection) -> _Mark | None:
    row = connection.execute("SELECT id, at FROM sync_events ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else _mark_of(row)


def _mark_of(row: Row) -> _Mark:
    return _Mark(id=row["id"], at=row["at"])
