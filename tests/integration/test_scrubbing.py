"""Passwords that earlier versions stored are gone after the upgrade, from every byte on disk."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rules.mirror.contents import hash_of_text
from storage.engine.damage import forget
from storage.engine.database import Database
from storage.engine.migrate import REVISION, migrate
from storage.migrations.renewing import NOT_KEPT, scrub_copy
from storage.reads.inspection import inspect_database
from storage.replacing.salvage import salvage
from tests.old_mirrors import make_old, revision_of

SECRET = "hunter2-of-the-preview"
AT = "2026-01-01T00:00:00.000000Z"
RECORD = {
    "id": 1,
    "title": "Checkout",
    "name": "Shop",
    "test_environment": {"id": 9, "title": "Preview", "password": SECRET},
    "basic_auth": f"u:{SECRET}",
}
KEPT = {
    "id": 1,
    "title": "Checkout",
    "name": "Shop",
    "test_environment": {"id": 9, "title": "Preview"},
}
OWNERS = {"products": None, "features": "product_id", "tests": "product_id", "bugs": "test_id"}


def with_secrets(path: Path, revision: str) -> None:
    """A mirror of that schema with passwords in every kind, also in pages that are free."""
    make_old(path, revision)
    with closing(sqlite3.connect(path)) as connection, connection:
        # Some builds of SQLite wipe what is freed unless they are told not to.
        connection.execute("PRAGMA secure_delete = OFF")
        large = json.dumps(RECORD | {"description": SECRET * 200}, sort_keys=True)
        for key in range(100, 120):
            add(connection, "bugs", "test_id", key, large)
        connection.execute("DELETE FROM bugs WHERE id >= 100")
        for table, owner in OWNERS.items():
            for key in range(1, 40):
                add(connection, table, owner, key, json.dumps(RECORD, sort_keys=True))
            connection.execute(f"DELETE FROM {table} WHERE id BETWEEN 3 AND 35")
        rest = json.dumps(RECORD)[:-4]
        connection.execute("UPDATE bugs SET data = ? WHERE id = 36", (rest,))
        connection.execute("UPDATE tests SET content_hash = '' WHERE id = 37")
        connection.execute(
            "INSERT INTO quarantine (product_id, kind, fingerprint, position, reason, excerpt,"
            " first_seen_at, last_seen_at, last_run_id)"
            " VALUES (1, 'bugs', 'f', 1, 'r', ?, ?, ?, 1)",
            (repr(RECORD)[:-3], AT, AT),
        )
        if revision >= "0005":
            metrics = json.dumps({"features": [{"user_stories": [RECORD]}]})
            connection.execute("INSERT INTO test_metrics VALUES (1, ?, ?)", (AT, metrics))
        assert connection.execute("PRAGMA freelist_count").fetchone()[0] > 0


def add(connection: sqlite3.Connection, table: str, owner: str | None, key: int, data: str) -> None:
    row: dict[str, Any] = {"id": key, "data": data, "content_hash": hash_of_text(data)}
    row |= {"first_seen_at": AT, "changed_at": AT, "synced_at": AT}
    row |= {owner: 1} if owner else {"has_sections": 0, "section_ids": "[]"}
    row |= {"section_ids": "[]"} if table == "features" else {}
    names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", row)


def leaks(folder: Path) -> list[str]:
    return [p.name for p in sorted(folder.iterdir()) if SECRET.encode() in p.read_bytes()]


@pytest.mark.parametrize("revision", ["0002", "0003", "0004", "0005"])
def test_no_byte_of_the_folder_holds_a_password_after_the_upgrade(
    tmp_path: Path, revision: str
) -> None:
    path = tmp_path / "testio.db"
    with_secrets(path, revision)
    assert leaks(tmp_path) == ["testio.db"]
    database = Database(path)
    backup = migrate(database)
    assert backup is not None
    assert leaks(tmp_path) == [], "with the file still open, its log included"
    database.close()
    assert leaks(tmp_path) == []
    for file in (path, backup):
        with closing(sqlite3.connect(file)) as connection:
            for table in OWNERS:
                rows = connection.execute(f"SELECT data FROM {table} WHERE id != 36").fetchall()
                assert [json.loads(row[0]) for row in rows] == [KEPT] * len(rows)
                assert len(rows) >= 5
            assert connection.execute("SELECT excerpt FROM quarantine").fetchone() == (NOT_KEPT,)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert revision_of(backup) == revision
    assert revision_of(path) == REVISION


def test_what_a_reader_held_up_is_done_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "testio.db"
    with_secrets(path, "0005")
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tests").fetchone()
        database = Database(path)
        migrate(database)
        with database.transaction() as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    database.close()
    again = Database(path)
    assert migrate(again) is None
    again.close()
    assert leaks(tmp_path) == []


def test_a_damaged_database_is_saved_without_passwords(tmp_path: Path) -> None:
    path, new = tmp_path / "old" / "testio.db", tmp_path / "new" / "testio.db"
    with_secrets(path, "0005")
    into = Database(new)
    migrate(into)
    with closing(sqlite3.connect(path)) as source, into.transaction() as connection:
        source.text_factory = bytes
        saved = {table.name: table.saved for table in salvage(source, connection)}
    into.close()
    forget(new)
    assert saved["tests"] == 6
    assert saved["test_metrics"] == 1
    assert leaks(new.parent) == []


def test_check_tells_of_copies_that_earlier_versions_made(tmp_path: Path) -> None:
    path, old = tmp_path / "testio.db", tmp_path / "testio.db.schema-0004.20260101T000000Z.bak"
    with_secrets(old, "0004")
    database = Database(path)
    migrate(database)
    database.close()
    (tmp_path / "testio.db.notes").write_text("no database")
    assert inspect_database(path, thorough=False, seconds=9.0).with_passwords == (old.name,)
    scrub_copy(old)
    assert inspect_database(path, thorough=False, seconds=9.0).with_passwords == ()
