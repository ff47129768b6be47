"""Mirrors as earlier versions of the program left them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config

from storage.database import Database
from storage.migrate import MIGRATIONS

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
