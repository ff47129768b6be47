"""A fresh start (rule 16) over real storage: all of it takes the old mirror's place, or nothing."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from rules.model import ErrorKind, Kind, RunStatus, SyncOptions
from rules.records import Page
from rules.run.progress import RunProgress
from service.store import MirrorReader
from service.sync_service import Repositories, SyncService
from simulator import Simulator
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.replacing import fresh_start
from storage.replacing.fresh_start import FreshStart, remove_leftovers, staging_path
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog
from testio.client import TestioClient
from tests.fakes import START
from tests.oracle import differences

NUKE = SyncOptions(nuke=True)
LONG_AGO = "2020-01-01T00:00:00.000000Z"
MIRRORED = ("products", "features", "tests", "sections", "feature_sections", "sync_cursors", "bugs")


@pytest.fixture
def simulator(make_simulator: Callable[..., Simulator]) -> Simulator:
    return make_simulator(products=3, features=3, tests=12, section_products=1)


@pytest.fixture
def service(
    simulator: Simulator, make_client: Callable[..., TestioClient], database: Database
) -> SyncService:
    fresh = FreshStart(database)

    def repositories() -> Repositories:
        events = SyncLog(database)
        return Repositories(
            mirror=MirrorRows(database),
            events=events,
            queries=MirrorReader(database.path),
            next_run_id=events.next_run_id(),
            fresh=fresh,
        )

    return SyncService(
        client_factory=lambda: make_client(simulator), repositories=repositories, workers=4
    )


def sql(database: Database, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All that is mirrored; of the cursors what they claim, not that a run has failed since."""
    claims = "SELECT product_id, kind, complete_as_of, current_as_of FROM sync_cursors"
    return {
        table: sorted(
            sql(database, claims if table == "sync_cursors" else f"SELECT * FROM {table}")
        )
        for table in MIRRORED
    }


def leftovers(database: Database) -> list[str]:
    return [path.name for path in database.path.parent.iterdir() if ".fresh-" in path.name]


def spoil(database: Database) -> None:
    """What a fresh start mends: a row that is not upstream, one that was lost, a wrong title."""
    with database.transaction() as connection:
        row = connection.execute("SELECT min(id), max(id) FROM tests").fetchone()
        for statement in (
            f"DELETE FROM tests WHERE id = {row[1]}",
            f"UPDATE tests SET title = 'wrong', content_hash = 'x' WHERE id = {row[0]}",
            "INSERT INTO features SELECT 999999, product_id, title, section_ids, data,"
            " content_hash, listed_in, first_seen_at, changed_at, synced_at, NULL, NULL"
            " FROM features LIMIT 1",
            "INSERT INTO fetches (kind, entity_id) VALUES ('tests', 1)",
            *(
                "INSERT INTO bugs (id, test_id, data, content_hash, first_seen_at, changed_at,"
                f" synced_at) VALUES ({bug}, {test}, '', '', '', '', '')"
                for bug, test in ((1, row[0]), (2, 999_999))
            ),
            *(
                f"INSERT INTO test_metrics VALUES ({test}, '{LONG_AGO}', '{{}}')"
                for test in (row[0], 999_999)
            ),
            "UPDATE tests SET first_seen_at = '2020-01-01T00:00:00.000000Z', changed_at ="
            " '2021-01-01T00:00:00.000000Z'",
        ):
            connection.execute(statement)


def test_a_fresh_start_is_the_account_and_keeps_what_only_the_mirror_knows(
    service: SyncService, simulator: Simulator, database: Database
) -> None:
    service.execute_sync()
    spoil(database)
    measured = sql(database, "SELECT min(test_id) FROM test_metrics")
    assert len(differences(database.path, simulator)) > 2
    result = service.execute_sync(options=NUKE)
    assert (result.status, result.errors, result.products_synced) == (RunStatus.SUCCESS, (), 3)
    assert result.tests_discovered == 36
    assert differences(database.path, simulator) == []
    assert sql(database, "SELECT id FROM bugs") == [(1,)], "the bug of a test that is there"
    assert sql(database, "SELECT test_id FROM test_metrics") == measured, "likewise"
    assert sql(database, "SELECT count(*) FROM fetches") == [(0,)]
    seen = "SELECT substr({}, 1, 4) = '{}', count(*) FROM tests GROUP BY 1 ORDER BY 1"
    assert sql(database, seen.format("first_seen_at", 2020)) == [(0, 1), (1, 35)]
    assert sql(database, seen.format("changed_at", 2021)) == [(0, 2), (1, 34)]
    assert sql(database, "SELECT count(*) FROM freshness WHERE complete_as_of IS NULL") == [(0,)]
    assert leftovers(database) == []
    assert service.execute_sync().status is RunStatus.SUCCESS
    assert service.execute_sync(options=NUKE).status is RunStatus.SUCCESS, "and again"


def test_a_fresh_start_on_an_empty_database(
    service: SyncService, simulator: Simulator, database: Database
) -> None:
    assert service.execute_sync(options=NUKE).status is RunStatus.SUCCESS
    assert differences(database.path, simulator) == []


def test_readers_see_the_old_mirror_until_the_new_one_is_there(
    service: SyncService, database: Database
) -> None:
    service.execute_sync()
    counts: set[tuple[int, ...]] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            counts.add(sql(database, "SELECT count(*) FROM tests")[0])

    reader = threading.Thread(target=read)
    reader.start()
    service.execute_sync(options=NUKE)
    done.set()
    reader.join(timeout=10)
    assert counts == {(36,)}


@pytest.mark.parametrize("path", ["/products", "*/features", "*/exploratory_tests"])
def test_if_anything_cannot_be_read_nothing_is_replaced(
    service: SyncService, simulator: Simulator, database: Database, path: str
) -> None:
    service.execute_sync()
    spoil(database)
    before = content(database)
    sick = simulator.account()["products"][1]["id"]
    where = {} if path == "/products" else {"product_id": sick}
    simulator.add_fault(kind="status", status=404, path=path, **where)
    result = service.execute_sync(options=NUKE)
    assert result.status is (RunStatus.FAILED if path == "/products" else RunStatus.PARTIAL)
    assert "the old mirror kept" in result.errors[-1].message
    assert (result.tests_discovered, result.products_synced) == (0, 0), "none of it is mirrored"
    assert content(database) == before
    assert leftovers(database) == []


def test_unusable_records_do_not_keep_a_fresh_start_back(
    service: SyncService, simulator: Simulator, database: Database
) -> None:
    sick = simulator.account()["products"][1]["id"]
    simulator.add_fault(kind="wrong_types", product_id=sick, path="*/features")
    result = service.execute_sync(options=NUKE)
    assert result.status is RunStatus.PARTIAL
    assert sql(database, "SELECT count(*) FROM tests") == [(36,)]
    assert sql(database, "SELECT count(*) > 0 FROM quarantine") == [(1,)]
    failing = "SELECT product_id, kind FROM freshness WHERE failing_since IS NOT NULL"
    assert sql(database, failing) == [(sick, "features")]


def test_a_row_that_cannot_be_read_now_stays(
    service: SyncService, simulator: Simulator, database: Database
) -> None:
    """Nothing is lost because of an error: not by a fresh start either."""
    service.execute_sync()
    product = simulator.account()["products"][0]["id"]
    sick = simulator.account()["tests"][str(product)][4]["id"]
    fault = simulator.add_fault(kind="poison", test_id=sick)
    assert service.execute_sync(options=NUKE).status is RunStatus.PARTIAL
    row = f"SELECT listed_in IS NULL, deleted_at FROM tests WHERE id = {sick}"
    assert sql(database, row) == [(1, None)]
    simulator.remove_fault(fault)
    assert service.execute_sync().status is RunStatus.SUCCESS
    assert sql(database, "SELECT count(*) FROM tests WHERE deleted_at IS NULL") == [(36,)]


def test_a_cancelled_fresh_start_replaces_nothing(
    service: SyncService, simulator: Simulator, database: Database
) -> None:
    service.execute_sync()
    before = content(database)
    simulator.add_fault(kind="hang", path="*/exploratory_tests")
    cancel = threading.Event()

    def look(progress: RunProgress) -> None:
        if len(progress.phases) == 3 and progress.phases[2].total:
            cancel.set()

    result = service.execute_sync(options=NUKE, on_progress=look, cancel=cancel)
    assert result.status is RunStatus.CANCELLED
    assert result.errors[-1].kind is ErrorKind.CANCELLED
    assert content(database) == before
    assert leftovers(database) == []


class Power(BaseException):
    """The power goes: nothing after this happens."""


@pytest.mark.parametrize(
    ("step", "error"),
    [
        ("migrate", Power),
        ("replace_rows", StorageError),
        ("halfway", ValueError),
        ("note_account", Power),
        ("note_account", StorageError),
    ],
)
def test_whatever_goes_wrong_on_the_way_the_old_mirror_is_intact(
    service: SyncService,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    error: type[BaseException],
) -> None:
    service.execute_sync()
    spoil(database)
    before = content(database)

    def fail(*_: object, **__: object) -> None:
        raise error("no more")

    def fail_halfway(connection: Any, staged: str) -> None:
        connection.execute("DELETE FROM main.tests")
        connection.execute(f"INSERT INTO main.products SELECT * FROM {staged}.products")

    monkeypatch.setattr(
        fresh_start,
        "replace_rows" if step == "halfway" else step,
        fail_halfway if step == "halfway" else fail,
    )
    result = service.execute_sync(options=NUKE)
    assert result.status is RunStatus.FAILED
    assert "the old mirror kept" in result.errors[-1].message
    assert content(database) == before
    monkeypatch.undo()
    assert service.execute_sync(options=NUKE).status is RunStatus.SUCCESS
    assert leftovers(database) == []


def test_leftovers_go_and_nothing_else_does(database: Database) -> None:
    folder, name = database.path.parent, database.path.name
    ours = [staging_path(database.path, 7).name + end for end in ("", "-wal", "-shm")]
    others = [f"{name}.fresh-copy", f"{name}.bak", "other.db.fresh-7"]
    for file in (*ours, *others):
        (folder / file).touch()
    remove_leftovers(database.path)
    left = {path.name for path in folder.iterdir()}
    assert not left & {*ours}
    assert left >= {*others, name}


def test_no_handle_of_the_staging_file_outlives_it(service: SyncService) -> None:
    """Not even until the next collection of garbage: the disk gets its space back at once."""
    gc.disable()
    try:
        service.execute_sync(options=NUKE)
        handles = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
        targets = [os.readlink(handle) for handle in handles if os.path.islink(handle)]
    finally:
        gc.enable()
    assert [target for target in targets if ".fresh-" in target] == []


def test_what_was_given_up_is_not_taken_up_again_with_the_rest_of_its_pages(
    database: Database,
) -> None:
    fresh = FreshStart(database)
    page = Page(kind=Kind.PRODUCTS, product_id=0)
    fresh.store_page(page, run_id=7, at=START)
    fresh.discard()
    fresh.discard()
    with pytest.raises(StorageError, match="run 7 had built was given up"):
        fresh.store_page(page, run_id=7, at=START)
    fresh.store_page(page, run_id=8, at=START)
    fresh.discard()
    assert leftovers(database) == []
