"""Brings a database to this program's schema: forward only, the file backed up first.

Alembic does the steps; it is imported only when there is one to take.
"""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import structlog
from sqlalchemy import Connection, inspect

from storage.engine.atomic_file import CannotPublish, private_file_beside, publish
from storage.engine.database import Database
from storage.engine.errors import NewerSchema, NoMirror, StorageError
from storage.engine.revision import REVISION as REVISION
from storage.migrations.renewing import SCRUBBED, renew_contents, scrub_copy

MIGRATIONS = Path(__file__).parents[1] / "migrations"

_upgrading = threading.Lock()
"""Alembic keeps what it is at in one place for the whole process."""

log = structlog.get_logger(__name__)


def migrate(database: Database) -> Path | None:
    """Bring the schema up to date; returns the backup made of an older one, None if none was.

    Raises NewerSchema, leaving the file as it is, where a newer program has written it.
    """
    with database.schema_transaction() as connection:
        found = current_revision(connection)
        if found is None and inspect(connection).get_table_names():
            raise NoMirror(database.path, is_empty=False)
    database.adopt()
    if found == REVISION:
        database.compact(SCRUBBED)
        return None
    if found is not None and found > REVISION:
        raise NewerSchema(
            f"{database.path} has the schema {found}; this program knows up to {REVISION}. "
            "Use the version of testio-sync that wrote it, or another TESTIO_DB_PATH."
        )
    backup = None if found is None else _back_up(database, found)
    with _upgrading, database.schema_transaction() as connection:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        _upgrade(connection, found)
        if found is not None:
            renew_contents(cast(sqlite3.Connection, connection.connection.driver_connection))
        if found is None:
            connection.exec_driver_sql(f"PRAGMA user_version = {SCRUBBED}")
    database.compact(SCRUBBED)
    log.info("schema_migrated", from_revision=found, to_revision=REVISION, backup=str(backup or ""))
    return backup


def current_revision(connection: Connection) -> str | None:
    """The schema's revision; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])


def _back_up(database: Database, found: str) -> Path:
    """Whole or not at all: half a copy must not look like a backup. Without passwords of test
    environments, which earlier versions stored. Raises StorageError."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    target = database.path.with_name(f"{database.path.name}.schema-{found}.{stamp}.bak")
    try:
        with private_file_beside(target) as path:
            database.backup_to(path)
            scrub_copy(path)
            publish(path, target, force=True)
    except (CannotPublish, OSError, sqlite3.Error) as error:
        why = f"it cannot be backed up before its schema is changed: {error}"
        raise StorageError(f"{database.path} is left as it is, because {why}") from error
    return target


def _upgrade(connection: Connection, found: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StorageError(f"the schema {found} cannot be brought up to date: {error}") from error
