"""The guard in the workers' way: nothing is mirrored before the account is recognised."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from pydantic import SecretStr

from rules.model import ErrorKind, RunStatus, SyncOptions, SyncPhase, SyncResult
from service.account import AccountGuard
from service.store import MirrorReader
from service.sync_service import Repositories, SyncService
from simulator import Simulator
from storage.engine.database import Database
from storage.replacing.fresh_start import FreshStart
from storage.settings.account_rows import AccountRows
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog
from testio.client import TestioClient
from tests.oracle import differences

BASE_URL = "https://a.example"

Sync = Callable[..., SyncResult]


@pytest.fixture
def sync(make_client: Callable[..., TestioClient], database: Database) -> Sync:
    """Sync this simulator under the token it accepts now."""

    def run(simulator: Simulator, *phases: SyncPhase, nuke: bool = False) -> SyncResult:
        events = SyncLog(database)
        repositories = Repositories(
            mirror=MirrorRows(database),
            events=events,
            queries=MirrorReader(database.path),
            next_run_id=events.next_run_id(),
            fresh=FreshStart(database),
            account=AccountGuard(AccountRows(database), BASE_URL, SecretStr(simulator.token)),
        )
        service = SyncService(
            client_factory=lambda: make_client(simulator),
            repositories=lambda: repositories,
            workers=3,
        )
        return service.execute_sync(phases or tuple(SyncPhase), options=SyncOptions(nuke=nuke))

    return run


@pytest.fixture
def ours(make_simulator: Callable[..., Simulator]) -> Simulator:
    return make_simulator(products=2, features=2, tests=3)


@pytest.fixture
def other(make_simulator: Callable[..., Simulator]) -> Simulator:
    """Another account, with other products."""
    return make_simulator(products=2, features=2, tests=3, seed=9, token="other-token")


def mirrored(database: Database) -> list[list[tuple[object, ...]]]:
    with closing(sqlite3.connect(database.path)) as connection:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
            for table in ("products", "features", "tests")
        ]


def test_another_account_is_refused_before_anything_is_written(
    sync: Sync, ours: Simulator, other: Simulator, database: Database
) -> None:
    for row in ours.account()["products"]:  # the simulators give the same ids to all accounts
        ours.mutate("delete", "product", id=row["id"])
    ours.mutate("add", "product", id=555, fields={"name": "ours alone"})
    sync(ours)
    recorded, before = AccountRows(database).recorded(), mirrored(database)
    result = sync(other)
    assert result.status is RunStatus.FAILED
    assert result.errors[0].kind is ErrorKind.WRONG_ACCOUNT
    assert "TESTIO_DB_PATH" in result.errors[0].message
    assert len(other.requests()) == 1, "the run ends at once"
    assert mirrored(database) == before
    assert AccountRows(database).recorded() == recorded
    assert sync(other, nuke=True).status is RunStatus.SUCCESS
    assert differences(database.path, other) == []
    assert sync(ours).errors[0].kind is ErrorKind.WRONG_ACCOUNT
    assert sync(other, SyncPhase.NEW_TESTS).status is RunStatus.SUCCESS


def test_a_new_token_of_the_same_account_is_taken_on(
    sync: Sync, ours: Simulator, database: Database
) -> None:
    sync(ours)
    recorded = AccountRows(database).recorded()
    ours.set_token("a-new-token")
    refused = sync(ours, SyncPhase.FEATURES)
    assert refused.status is RunStatus.FAILED
    assert {p.kind for p in refused.errors} == {ErrorKind.UNCONFIRMED}
    assert "run the products phase" in refused.errors[0].message
    assert sync(ours).status is RunStatus.SUCCESS
    assert AccountRows(database).recorded() != recorded
    assert sync(ours, SyncPhase.FEATURES).status is RunStatus.SUCCESS


def test_no_token_stands_in_the_database(sync: Sync, ours: Simulator, database: Database) -> None:
    sync(ours)
    with database.transaction() as connection:
        rows = connection.execute("SELECT value FROM settings").fetchall()
    assert len(rows) == 3
    assert ours.token not in str(rows)
