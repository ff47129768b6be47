"""A damaged mirror is made anew: nothing is lost that can be read, nothing is claimed."""

from __future__ import annotations

import random
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from config.problems import SettingsError
from config.settings import Settings
from rules.model import RunStatus, SyncOptions
from service.checkup.rebuild import CannotRebuild, Rebuilt, open_damaged
from service.store import open_store
from simulator import Simulator, SimulatorOptions
from storage.engine.database import Database
from storage.engine.errors import DatabaseDamaged, LockHeld, NewerSchema
from storage.engine.lock_holder import Role
from storage.engine.migrate import migrate
from storage.engine.writer_lock import WriterLock
from storage.replacing.file_swap import files_of
from storage.replacing.fresh_start import remove_leftovers
from storage.settings.account_rows import AccountRows
from testio.client import TestioClient
from testio.transport import TransportOptions
from tests import damage
from tests.damage import PAGE, contents
from tests.databases import migrated
from tests.integration.dying import kill_a_rebuild, settings_of
from tests.rig import Rig

URL = "http://127.0.0.1:1/customer/v2"
ACCOUNT = {"account.base_url": URL, "account.salt": "s", "account.fingerprint": "f"}
NOW = "2026-03-01T08:00:00.000000Z"


@dataclass
class Mirror:
    """A synced mirror that nobody has open, with decisions, a tombstone and an old run."""

    path: Path
    simulator: Simulator
    gone: int

    @property
    def settings(self) -> Settings:
        return settings_of(self.path, URL)

    def sql(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def execute(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            connection.execute(statement)

    def rebuild(self, *, dry_run: bool = False, force: bool = False) -> Rebuilt:
        with open_damaged(self.settings, force=force) as found:
            return found.rebuild(dry_run=dry_run)

    def sync(self) -> None:
        """The account as it is now, into the file that is there now."""
        database = Database(self.path)
        migrate(database)
        try:
            rig = Rig(self.simulator, database, a_client)
            rig.sync()
            assert rig.differences() == []
        finally:
            database.close()


@dataclass(frozen=True)
class Synced:
    """What all tests of this module begin with: made once, as it takes the longest."""

    simulator: Simulator
    content: bytes
    gone: int


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    database = migrated(tmp_path_factory.mktemp("synced") / "testio.db")
    with Simulator(SimulatorOptions(products=3, features=4, tests=60)) as simulator:
        rig = Rig(simulator, database, a_client)
        rig.sync()
        product = rig.products()[0]
        gone = rig.tests(product)[5]
        simulator.mutate("delete", "test", product_id=product, id=gone)
        assert rig.sync(SyncOptions(force=True)).status is RunStatus.SUCCESS
        AccountRows(database).note(ACCOUNT, NOW)
        with database.transaction() as connection:
            connection.execute(HELD, (product, NOW, NOW, NOW))
            connection.execute(CHOSEN, (NOW,))
            connection.execute("UPDATE tests SET first_seen_at = ?", (NOW,))
        database.close()
        yield Synced(simulator=simulator, content=database.path.read_bytes(), gone=gone)


def a_client(simulator: Simulator) -> TestioClient:
    """The service closes it after the run."""
    return TestioClient(
        TransportOptions(base_url=simulator.base_url, token=lambda: simulator.token)
    )


@pytest.fixture
def mirror(synced: Synced, tmp_path: Path) -> Mirror:
    path = tmp_path / "mirror" / "testio.db"
    path.parent.mkdir()
    path.write_bytes(synced.content)
    path.chmod(0o600)
    made = Mirror(path=path, simulator=synced.simulator, gone=synced.gone)
    assert made.sql("SELECT id FROM tests WHERE deleted_at IS NOT NULL") == [(synced.gone,)]
    path.with_name("testio.db-wal").unlink()  # of the reader
    path.with_name("testio.db-shm").unlink()
    return made


HELD = """
INSERT INTO held_deletions (product_id, kind, status, row_ids, row_count, of_rows, reason, held_at,
    last_seen_at, last_run_id, decided_at)
VALUES (?, 'features', 'accepted', '[1]', 1, 2, 'empty', ?, ?, 1, ?)
"""
CHOSEN = "INSERT INTO settings VALUES ('operator.interval_seconds', '300', ?)"


def lose_page_of(mirror: Mirror, name: str) -> None:
    """The root of a table or an index becomes zeros."""
    root = mirror.sql(f"SELECT rootpage FROM sqlite_master WHERE name = '{name}'")[0][0]
    with mirror.path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))


def saved(came: Rebuilt) -> dict[str, int]:
    return {table.name: table.saved for table in came.tables}


def test_with_an_index_lost_everything_is_saved(mirror: Mirror) -> None:
    held = {name: mirror.sql(f"SELECT * FROM {name} ORDER BY 1") for name in KEPT_WHOLE}
    seen = mirror.sql("SELECT id, first_seen_at, deleted_at FROM tests ORDER BY id")
    lose_page_of(mirror, "ix_tests_product_id_end_at")
    before = contents(mirror.path)
    came = mirror.rebuild()
    assert contents(came.damaged) == {
        name.replace("testio.db", came.damaged.name): content for name, content in before.items()
    }
    assert not any(table.refused or table.is_cut for table in came.tables), came.tables
    for name, rows in held.items():
        assert mirror.sql(f"SELECT * FROM {name} ORDER BY 1")[: len(rows)] == rows, name
    assert mirror.sql("SELECT id, first_seen_at, deleted_at FROM tests ORDER BY id") == seen
    assert mirror.sql("PRAGMA integrity_check") == [("ok",)]
    mirror.sync()
    assert mirror.sql("SELECT DISTINCT first_seen_at FROM tests") == [(NOW,)]
    assert mirror.sql("SELECT id FROM tests WHERE deleted_at IS NOT NULL") == [(mirror.gone,)]


KEPT_WHOLE = ("settings", "sync_runs", "sync_events", "quarantine", "held_deletions", "sections")


def test_what_is_saved_is_vouched_for_by_nobody(mirror: Mirror) -> None:
    """The remote cannot be reached: the new mirror claims nothing."""
    lose_page_of(mirror, "ix_bugs_test_id")
    mirror.rebuild()
    claims = "complete_as_of IS NOT NULL OR current_as_of IS NOT NULL"
    assert mirror.sql(f"SELECT count(*) FROM freshness WHERE {claims}") == [(0,)]
    assert mirror.sql("SELECT count(*) FROM sync_cursors") == [(0,)]
    assert mirror.sql("SELECT count(*) FROM tests WHERE listed_in IS NOT NULL") == [(0,)]
    told = mirror.sql("SELECT detail FROM sync_events WHERE event = 'database_rebuilt'")
    assert len(told) == 1
    assert ".damaged-" in told[0][0]


def test_a_saved_row_is_written_anew_by_the_next_sync(mirror: Mirror) -> None:
    """A title that was spoilt unseen would else stay, as its content seems unchanged."""
    mirror.execute("UPDATE tests SET title = 'spoilt' WHERE deleted_at IS NULL")
    lose_page_of(mirror, "ix_bugs_test_id")
    mirror.rebuild()
    mirror.sync()


def test_rows_that_make_no_sense_are_left_out(mirror: Mirror) -> None:
    mirror.execute("UPDATE tests SET data = replace(data, 'i', 'x') WHERE id % 2")
    odd = mirror.sql("SELECT count(*) FROM tests WHERE id % 2")[0][0]
    came = mirror.rebuild()
    assert came.damage == f"{odd} rows of tests cannot have been written so"
    assert saved(came)["tests"] == mirror.sql("SELECT count(*) FROM tests")[0][0]
    assert {table.name: table.refused for table in came.tables}["tests"] == odd
    mirror.sync()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", damage.OF_THE_FILE, ids=lambda way: way.__name__)
def test_whatever_was_damaged_a_sync_heals_it(
    way: damage.Damage, seed: int, mirror: Mirror
) -> None:
    said = way(mirror.path, random.Random(seed))
    before = contents(mirror.path)
    try:
        came = mirror.rebuild(force=True)
    except CannotRebuild:
        assert way in (damage.flip_bytes, damage.flip_page), said
        return
    assert contents(came.damaged)[came.damaged.name] == before["testio.db"], said
    assert mirror.sql("PRAGMA integrity_check") == [("ok",)], said
    if way is damage.overwrite_header:
        assert not any(table.is_cut for table in came.tables), said
    if way is damage.lose_schema:
        assert sum(saved(came).values()) > 0, f"{said}; saved: {came.tables}"
    mirror.sync()


def test_one_page_of_events_costs_that_page(mirror: Mirror) -> None:
    with closing(sqlite3.connect(mirror.path, isolation_level=None)) as connection:
        connection.execute(MANY_EVENTS)
        newest = connection.execute("SELECT max(id) FROM sync_events").fetchone()[0]
    content = mirror.path.read_bytes()
    place = content.index(b"a fact to be lost")
    with mirror.path.open("r+b") as file:
        file.seek(place // PAGE * PAGE)
        file.write(bytes(PAGE))
    came = mirror.rebuild()
    kept = mirror.sql("SELECT id FROM sync_events WHERE event != 'database_rebuilt'")
    assert newest - 100 < len(kept) < newest
    assert {table.name for table in came.tables if table.is_cut} == {"sync_events"}
    new = mirror.sql("SELECT id FROM sync_events WHERE event = 'database_rebuilt'")
    assert new[0][0] > newest, "an id is never used again"


MANY_EVENTS = """
WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2000)
INSERT INTO sync_events (at, event, duration_seconds, error)
SELECT '2026-03-01T08:00:00.000000Z', 'paused', 0, iif(n = 1000, 'a fact to be lost', NULL) FROM n
"""


def test_a_dry_run_tells_and_changes_nothing(mirror: Mirror) -> None:
    lose_page_of(mirror, "tests")
    before = {file.name: file.read_bytes() for file in mirror.path.parent.iterdir()}
    came = mirror.rebuild(dry_run=True)
    after = {file.name: file.read_bytes() for file in mirror.path.parent.iterdir()}
    assert {name for name in after if name not in before} <= {"testio.db.lock"}
    assert all(after[name] == content for name, content in before.items())
    assert saved(came)["tests"] == 0
    assert saved(came)["sync_runs"] == 2


def test_what_is_not_damaged_or_not_ours_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(CannotRebuild, match="nothing to rebuild"):
        mirror.rebuild(force=True)
    mirror.path.unlink()
    with pytest.raises(CannotRebuild, match="a first sync makes it"):
        mirror.rebuild()
    diary = replace(mirror, path=tmp_path / "diary")
    diary.path.write_text("my diary\n" * 500)
    others = replace(mirror, path=tmp_path / "others.db")
    others.execute("CREATE TABLE notes (text)")
    for foreign in (diary, others):
        before = foreign.path.read_bytes()
        with pytest.raises(CannotRebuild, match="--force"):
            foreign.rebuild()
        assert foreign.path.read_bytes() == before
        assert not foreign.path.with_name(f"{foreign.path.name}.lock").exists()


def test_neither_a_held_lock_nor_a_newer_schema_is_overruled(mirror: Mirror) -> None:
    mirror.execute("UPDATE alembic_version SET version_num = '9999'")
    lose_page_of(mirror, "ix_bugs_test_id")
    before = contents(mirror.path)
    with pytest.raises(NewerSchema, match="9999"):
        mirror.rebuild()
    lock = WriterLock(mirror.path, role=Role.DAEMON, version="0", socket=None)
    lock.acquire(wait_seconds=0)
    with pytest.raises(LockHeld, match="daemon"):
        mirror.rebuild()
    lock.release()
    assert contents(mirror.path) == before


def test_another_accounts_mirror_is_refused(mirror: Mirror) -> None:
    mirror.execute("UPDATE settings SET value = 'http://other' WHERE name = 'account.base_url'")
    lose_page_of(mirror, "ix_bugs_test_id")
    before = contents(mirror.path)
    with pytest.raises(SettingsError):
        mirror.rebuild()
    assert contents(mirror.path) == before
    assert [file.name for file in mirror.path.parent.glob("testio.db.re*")] == []


def test_the_rights_are_kept_and_names_are_never_used_twice(mirror: Mirror) -> None:
    names = set()
    for _ in range(3):
        mirror.path.chmod(0o640)
        lose_page_of(mirror, "ix_bugs_test_id")
        names.add(mirror.rebuild().damaged)
    assert len(names) == 3
    assert {stat.S_IMODE(name.stat().st_mode) for name in names} == {0o640}
    assert stat.S_IMODE(mirror.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("renames", range(6))
def test_a_crash_at_any_moment_loses_nothing(renames: int, mirror: Mirror) -> None:
    """Killed before the rename with this number; whoever takes the lock next ends it."""
    leave_a_log(mirror.path)
    lose_page_of(mirror, "ix_bugs_test_id")
    old = set(contents(mirror.path).values())
    kill_a_rebuild(mirror.path, URL, renames)
    there = {f.read_bytes() for f in mirror.path.parent.glob("testio.db*") if f.is_file()}
    assert old <= there, "the damaged files are somewhere, whole"
    try:
        with open_store(mirror.settings, role=Role.ONE_SHOT) as store:
            assert store.database.damage is None
    except DatabaseDamaged:
        assert renames == 0, "nothing had been decided yet"
        mirror.rebuild()
    assert mirror.sql("PRAGMA integrity_check") == [("ok",)]
    assert mirror.sql("SELECT count(*) FROM held_deletions") == [(1,)]
    assert not list(mirror.path.parent.glob("testio.db.re*"))
    (damaged,) = mirror.path.parent.glob("testio.db.damaged-*Z")
    assert set(contents(damaged).values()) == old
    mirror.sync()


def leave_a_log(path: Path) -> None:
    with damage.killed_writer(path) as writer:
        writer.execute("UPDATE held_deletions SET reason = 'in the log'")
    assert path.with_name(f"{path.name}-wal").stat().st_size


def test_a_link_goes_on_leading_to_the_database(mirror: Mirror, tmp_path: Path) -> None:
    leave_a_log(mirror.path)
    lose_page_of(mirror, "ix_bugs_test_id")
    linked = replace(mirror, path=tmp_path / "link.db")
    linked.path.symlink_to(mirror.path)
    old = contents(mirror.path)
    came = linked.rebuild()
    assert linked.path.is_symlink()
    assert came.damaged.parent == mirror.path.parent
    assert len(contents(came.damaged)) == len(old) == 2
    linked.sync()


def test_leftovers_of_a_rebuild_are_removed_and_nothing_else(mirror: Mirror) -> None:
    names = ("testio.db.salvage-wal", "testio.db.rebuilding", "testio.db.damaged-20261123T184500Z")
    for name in names:
        mirror.path.with_name(name).write_bytes(b"x")
    remove_leftovers(mirror.path)
    assert [mirror.path.with_name(name).exists() for name in names] == [False, False, True]
    assert files_of(mirror.path)[0].exists()
