"""Mirrors as earlier versions of the program left them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config

from storage.engine.database import Database
from storage.engine.migrate import MIGRATIONS

KEPT = "2020-02-02T00:00:00.000Z"


def make_old(path: Path, revision: str) -> None:
    """A mirror as a program of that schema left it, with a run that was killed."""
    database = Database(path)
    with database.schema_transaction() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    with database.transaction() as raw:
        raw.execute(
            "INSERT INTO sync_runs (id, status, trigger_source, phases, scope, options, started_at)"
            " VALUES (41, 'running', 'cli', '[]', '{}', '{}', ?)",
            (KEPT,),
        )
    database.adopt()
    database.close()


def revision_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def fill_old(path: Path, synced: Path, singles: Mapping[int, dict[str, Any]]) -> None:
    """Rows of a mirror of today, as an earlier version held them, into one of an older schema.

    Features of a list by section had their sections in the hash, and others none; a test of
    `singles` was fetched by itself last, and held all of its metrics but the `analytics`.
    """

    def aged(table: str, row: dict[str, Any]) -> dict[str, Any]:
        if table == "features":
            return _aged_feature(row, by_section=row["product_id"] in by_section)
        if table == "tests" and row["id"] in singles:
            kept = {k: v for k, v in singles[row["id"]].items() if k != "analytics"}
            text = json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            row = row | {"data": text}
        return row | {"content_hash": _digest(row["data"])}

    with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(synced)) as new, old:
        new.row_factory = sqlite3.Row
        by_section = {
            row[0] for row in new.execute("SELECT product_id FROM sync_cursors WHERE by_section")
        }
        for table in ("products", "features", "tests", "bugs"):
            _copy(table, new, old, aged)
        for table in ("sync_cursors", "sections", "feature_sections", "user_stories"):
            _copy(table, new, old, lambda _table, row: row)


def _aged_feature(row: dict[str, Any], *, by_section: bool) -> dict[str, Any]:
    plain = _digest(row["data"])
    if not by_section:
        return row | {"section_ids": "[]", "content_hash": plain}
    return row | {"content_hash": _digest(f"{plain} {json.loads(row['section_ids'])}")}


def _copy(
    table: str,
    new: sqlite3.Connection,
    old: sqlite3.Connection,
    aged: Callable[[str, dict[str, Any]], dict[str, Any]],
) -> None:
    there = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
    for found in new.execute(f"SELECT * FROM {table}").fetchall() if there else ():
        row = {k: v for k, v in aged(table, dict(found)).items() if k in there}
        marks = ", ".join(f":{name}" for name in row)
        old.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
