"""Syncs from programs that live long: several databases, one after the other and at once."""

from __future__ import annotations

import gc
import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.settings import Settings
from rules.listing.windows import Window
from rules.model import RunStatus, SyncOptions, SyncResult, SyncScope
from service.sync_service import open_sync_service
from simulator import Simulator
from storage.engine.database import Database
from storage.engine.errors import LockHeld
from storage.engine.migrate import migrate
from testio.client import TestioClient
from testio.limits import RequestScope
from tests.integration.test_read_through import products_of, settings_for
from tests.oracle import differences

DESCRIPTORS = Path("/proc/self/fd")
needs_proc = pytest.mark.skipif(not DESCRIPTORS.exists(), reason="no list of open files here")


@pytest.fixture
def without_garbage_collector() -> Iterator[None]:
    """What is closed only by chance stays open."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def sync(settings: Settings) -> SyncResult:
    assert settings.token is not None
    with open_sync_service(settings, settings.token) as service:
        return service.execute_sync()


def test_a_service_goes_by_its_settings_and_holds_the_lock_until_its_end(
    tmp_path: Path, simulator: Simulator
) -> None:
    first, second = products_of(simulator)[:2]
    settings = settings_for(
        tmp_path, simulator, TESTIO_PRODUCT_IDS=str(first), TESTIO_LOCK_WAIT_SECONDS="0"
    )
    assert settings.token is not None
    with open_sync_service(settings, settings.token) as service:
        assert service.execute_sync().products_synced == 1
        only = SyncScope(product_ids=frozenset({second}))
        assert service.execute_sync(scope=only).products_synced == 1
        with pytest.raises(LockHeld), open_sync_service(settings, settings.token):
            pytest.fail("two writers")
        fresh = service.execute_sync(options=SyncOptions(nuke=True))
        assert fresh.status is RunStatus.SUCCESS
    assert sync(settings).run_id == 4


@needs_proc
@pytest.mark.usefixtures("without_garbage_collector")
def test_a_client_that_is_closed_leaves_no_socket(
    simulator: Simulator, make_client: Callable[..., TestioClient]
) -> None:
    client = make_client(simulator)
    with ThreadPoolExecutor(5) as pool:
        list(
            pool.map(
                lambda key: client.list_tests(key, Window(page=1, per_page=25), RequestScope()),
                products_of(simulator)[:5],
            )
        )
    assert connections_to(simulator)
    client.close()
    assert connections_to(simulator) == []


def connections_to(simulator: Simulator) -> list[str]:
    return [name for name in os.listdir(DESCRIPTORS) if _leads_to(simulator, name)]


def _leads_to(simulator: Simulator, name: str) -> bool:
    try:
        with socket.socket(fileno=os.dup(int(name))) as copy:
            port = int(simulator.base_url.split(":")[2].split("/")[0])
            return bool(copy.getpeername()[1] == port)
    except (OSError, IndexError, TypeError):
        return False


@needs_proc
def test_many_syncs_leave_nothing_open_and_pin_nothing(
    tmp_path: Path, simulator: Simulator
) -> None:
    settings = settings_for(tmp_path, simulator)
    frozen = gc.get_freeze_count()
    sync(settings)
    gc.collect()
    files, threads = len(os.listdir(DESCRIPTORS)), threading.active_count()
    for _ in range(10):
        assert sync(settings).status is RunStatus.SUCCESS
    gc.collect()
    assert gc.get_freeze_count() <= frozen, "nothing more is pinned"
    assert len(os.listdir(DESCRIPTORS)) <= files + 8, "the simulator closes its ends a bit later"
    assert threading.active_count() <= threads + 8


def test_several_databases_are_synced_at_once(
    tmp_path: Path, make_simulator: Callable[..., Simulator]
) -> None:
    accounts = [make_simulator(seed=number) for number in (1, 2, 3)]
    settings = [settings_for(tmp_path / str(n), each) for n, each in enumerate(accounts)]
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(sync, settings))
    assert [result.status for result in results] == [RunStatus.SUCCESS] * 3
    for each, account in zip(settings, accounts, strict=True):
        assert differences(each.db_path, account) == []


def test_new_databases_are_migrated_by_several_threads_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(4)

    def make(number: int) -> None:
        database = Database(tmp_path / str(number) / "testio.db")
        together.wait(timeout=5)
        migrate(database)
        database.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(4)))
