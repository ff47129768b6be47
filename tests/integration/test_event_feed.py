"""Events are read once each, in order: over pages, prunings and databases that are put back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rules.model import Outcome, SyncPhase
from rules.run.events import EventName, SyncEvent
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.reads.event_feed import PAGE, EventFeed, EventFilter
from storage.writes.sync_log import SyncLog

START = datetime(2026, 1, 31, 8, tzinfo=UTC)


def write(
    database: Database, count: int, *, first: int = 0, outcome: Outcome = Outcome.COMPLETE
) -> None:
    """Events of run 1, a second apart; of product 0, 1, 2, 0, …"""
    SyncLog(database).write(
        [
            SyncEvent(
                at=START + timedelta(seconds=first + n),
                event=EventName.PRODUCT_SYNCED,
                run_id=1,
                phase=SyncPhase.FEATURES,
                product_id=n % 3,
                outcome=outcome,
            )
            for n in range(count)
        ]
    )


def drain(feed: EventFeed) -> list[int]:
    """The ids of all that is there."""
    ids: list[int] = []
    while True:
        batch = feed.poll()
        ids += [row["id"] for row in batch.rows]
        if not batch.more:
            return ids


def back_up(database: Database, to: Path) -> None:
    with closing(sqlite3.connect(database.path)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def test_the_last_ones_first_and_then_all_that_come(database: Database) -> None:
    write(database, 10)
    feed = EventFeed(database.path)
    assert [row["id"] for row in feed.start(3).rows] == [8, 9, 10]
    assert drain(feed) == []
    write(database, 2 * PAGE + 7, first=10)
    assert drain(feed) == list(range(11, 2 * PAGE + 18))


def test_after_an_id_a_page_at_a_time(database: Database) -> None:
    write(database, 10)
    feed = EventFeed(database.path, since=4)
    assert [row["id"] for row in feed.start(3).rows] == [5, 6, 7]
    assert drain(feed) == [8, 9, 10]
    assert EventFeed(database.path, since=99).start(3).rows == []


def test_a_filter_moves_on_over_what_it_leaves_out(database: Database) -> None:
    write(database, 4)
    write(database, 3, first=4, outcome=Outcome.FAILED)
    write(database, 3, first=7)
    failures = EventFeed(database.path, EventFilter(failures=True), since=0)
    assert drain(failures) == [5, 6, 7]
    assert failures.last_id == 10
    assert drain(EventFeed(database.path, EventFilter(product_id=1), since=0)) == [2, 6, 9]
    assert drain(EventFeed(database.path, EventFilter(run_id=2), since=0)) == []


def test_forgotten_events_are_no_reason_to_go_back(database: Database) -> None:
    write(database, 10)
    feed = EventFeed(database.path)
    feed.start(5)
    SyncLog(database).forget_events(before=START + timedelta(days=1))
    batch = feed.poll()
    assert (batch.rows, batch.moved_to) == ([], None)
    write(database, 2, first=100)
    assert drain(feed) == [11, 12]


def test_a_backup_that_was_put_back_shows_what_is_new_in_it(
    database: Database, tmp_path: Path
) -> None:
    write(database, 10)
    backup = tmp_path / "backup.db"
    back_up(database, backup)
    write(database, 10, first=10)
    feed = EventFeed(database.path)
    feed.start(5)
    feed.path = backup
    batch = feed.poll()
    assert (batch.rows, batch.moved_to) == ([], 10), "nothing is shown again"
    with closing(Database(backup)) as restored:
        write(restored, 30, first=50)
        assert drain(feed) == list(range(11, 41)), "not even ids that were seen before are missed"


def test_a_backup_that_has_grown_past_the_place_is_noticed_too(
    database: Database, tmp_path: Path
) -> None:
    write(database, 10)
    feed = EventFeed(database.path)
    feed.start(5)
    other = tmp_path / "other.db"
    back_up(database, other)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("UPDATE sync_events SET at = '2026-02-01T00:00:00Z' WHERE id > 8")
        connection.commit()
    feed.path = other
    batch = feed.poll()
    assert ([row["id"] for row in batch.rows], batch.moved_to) == ([9, 10], 8)


def test_a_database_that_is_away_costs_nothing(database: Database, tmp_path: Path) -> None:
    write(database, 3)
    feed = EventFeed(database.path)
    feed.start(5)
    feed.path = tmp_path / "away.db"
    with pytest.raises(StorageError, match="there is no database"):
        feed.poll()
    feed.path = database.path
    write(database, 2, first=3)
    assert drain(feed) == [4, 5]
