"""A new version meets an old database, and an old version a new one, as processes."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config

from storage.database import Database
from storage.migrate import MIGRATIONS
from storage.revision import REVISION
from tests.homes import Home
from tests.oracle import differences

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


def test_the_daemon_backs_an_older_mirror_up_and_brings_it_up_to_date(home: Home) -> None:
    make_old(home.database, "0001")
    assert "0001 is older than this program's" in home.run("check", "--offline").stdout
    assert revision_of(home.database) == "0001", "to look is not to migrate"
    daemon = home.daemon()
    assert home.wait_for_run(42) == "success"
    home.run("stop")
    assert "schema_migrated" in home.finish(daemon).stderr
    (backup,) = home.folder.glob("testio.db.schema-0001.*.bak")
    assert (revision_of(backup), revision_of(home.database)) == ("0001", REVISION)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert home.sql("SELECT status, started_at FROM sync_runs WHERE id = 41") == [
        ("interrupted", KEPT)
    ]
    assert differences(home.database, home.simulator) == []


def test_a_mirror_of_a_newer_version_is_refused_and_left_as_it_is(home: Home) -> None:
    make_old(home.database, "head")
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = home.database.read_bytes()
    ended = home.run("run", expect=6)
    assert f"has the schema 9999; this program knows up to {REVISION}" in ended.stderr
    assert home.database.read_bytes() == before
    assert list(home.folder.glob("*.bak")) == []
    assert home.simulator.requests() == []
