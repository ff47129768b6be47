"""The one entry for every sync, over the real client, real storage and the simulator."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing

import pytest

from rules.model import ErrorKind, RunStatus, SyncPhase, SyncScope, Trigger
from rules.run.progress import RunProgress
from service.store import MirrorReader
from service.sync_service import Repositories, SyncService
from simulator import Simulator
from storage.engine.damage import damaged
from storage.engine.database import Database
from storage.engine.errors import DatabaseDamaged
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog
from testio.client import TestioClient
from tests.oracle import differences


@pytest.fixture
def service(
    simulator: Simulator, make_client: Callable[..., TestioClient], database: Database
) -> SyncService:
    def repositories() -> Repositories:
        events = SyncLog(database)
        return Repositories(
            mirror=MirrorRows(database),
            events=events,
            queries=MirrorReader(database.path),
            next_run_id=events.next_run_id(),
            lost=lambda: database.damage,
        )

    return SyncService(
        client_factory=lambda: make_client(simulator), repositories=repositories, workers=4
    )


def test_a_sync_and_its_progress(
    service: SyncService, simulator: Simulator, database: Database
) -> None:
    seen: list[RunProgress] = []
    simulator.add_fault(kind="slow", seconds=0.1)
    result = service.execute_sync(on_progress=seen.append)
    assert result.status is RunStatus.SUCCESS
    assert result.trigger_source is Trigger.API
    assert differences(database.path, simulator) == []
    assert {progress.run_id for progress in seen} == {result.run_id}
    assert service.execute_sync().run_id == result.run_id + 1


def test_damage_that_is_met_ends_a_run_and_is_no_success(
    service: SyncService, simulator: Simulator, database: Database
) -> None:
    simulator.add_fault(kind="slow", seconds=0.2)
    with pytest.raises(DatabaseDamaged, match="page 7"):
        service.execute_sync(on_progress=lambda _: note_damage(database))
    with closing(sqlite3.connect(database.path)) as connection:
        assert connection.execute("SELECT status FROM sync_runs").fetchall() == [("running",)]


def note_damage(database: Database) -> None:
    """As a reader somewhere in this process notes it."""
    damaged(database.path, "page 7")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "truncate"},
        {"kind": "garbage"},
        {"kind": "bad_envelope"},
        {"kind": "redirect", "location": "http://127.0.0.1:1/elsewhere"},
        {"kind": "status", "status": 404},
        {"kind": "status", "status": 403},
        {"kind": "wrong_types"},
    ],
    ids=str,
)
def test_whatever_is_wrong_with_one_product_the_others_are_mirrored(
    service: SyncService, simulator: Simulator, database: Database, fault: dict[str, object]
) -> None:
    sick = simulator.account()["products"][1]["id"]
    simulator.add_fault(**fault, product_id=sick, path="*/exploratory_tests")  # type: ignore[arg-type]
    result = service.execute_sync()
    assert result.status is RunStatus.PARTIAL
    assert {(p.product_id, p.phase) for p in result.errors} == {(sick, SyncPhase.NEW_TESTS)}
    assert result.products_synced == 4
    mine = {str(row["id"]) for row in simulator.account()["tests"][str(sick)]}
    others = [
        d for d in differences(database.path, simulator) if d.split()[1].rstrip(":") not in mine
    ]
    assert others == []
    simulator.clear_faults()
    assert service.execute_sync().status is RunStatus.SUCCESS
    assert differences(database.path, simulator) == []


def test_a_scope_keeps_the_rest_untouched(
    service: SyncService, simulator: Simulator, database: Database
) -> None:
    one = simulator.account()["products"][3]["id"]
    result = service.execute_sync(scope=SyncScope(product_ids=frozenset({one})))
    assert (result.status, result.products_synced) == (RunStatus.SUCCESS, 1)
    with database.transaction() as connection:
        fetched = connection.execute(
            "SELECT DISTINCT product_id FROM freshness"
            " WHERE complete_as_of IS NOT NULL AND product_id <> 0"
        ).fetchall()
    assert [row[0] for row in fetched] == [one]


def test_a_sync_that_is_cancelled(service: SyncService, simulator: Simulator) -> None:
    simulator.add_fault(kind="hang", path="*/features")
    cancel = threading.Event()
    result = service.execute_sync(on_progress=lambda _progress: cancel.set(), cancel=cancel)
    assert result.status is RunStatus.CANCELLED
    assert [p for p in result.errors if p.kind is not ErrorKind.CANCELLED] == []


def test_a_list_that_changes_while_it_is_read(
    service: SyncService, simulator: Simulator, database: Database
) -> None:
    """New tests come in and old ones go while the sync runs; what stays is mirrored."""
    product = simulator.account()["products"][0]["id"]
    for n in range(60):
        simulator.mutate("add", "test", product_id=product, fields={"title": f"more {n}"})
    stop = threading.Event()

    def stir() -> None:
        while not stop.wait(0.003):
            rows = simulator.account()["tests"][str(product)]
            simulator.mutate("delete", "test", id=rows[len(rows) // 3]["id"])
            simulator.mutate("add", "test", product_id=product, fields={"title": "late"})

    before = {row["id"] for row in simulator.account()["tests"][str(product)]}
    stirring = threading.Thread(target=stir)
    stirring.start()
    result = service.execute_sync()
    stop.set()
    stirring.join(timeout=10)
    stayed = before & {row["id"] for row in simulator.account()["tests"][str(product)]}
    with database.transaction() as connection:
        rows = connection.execute("SELECT id FROM tests WHERE product_id = ?", (product,))
        mirrored = {row[0] for row in rows}
    if result.status is RunStatus.SUCCESS:
        assert stayed <= mirrored, f"missed {sorted(stayed - mirrored)[:5]}"
    else:
        assert [p.kind for p in result.errors] == [ErrorKind.LIST_MOVED], result.errors
