"""A new version meets an old database, and an old version a new one, as processes."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing

from storage.engine.revision import REVISION
from tests.homes import Home
from tests.old_mirrors import KEPT, make_old, revision_of
from tests.oracle import differences


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
