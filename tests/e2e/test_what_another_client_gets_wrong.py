"""What an existing client of this API is known to get wrong, one test each."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from rules.model import ErrorKind, RunStatus, SyncOptions
from simulator import Simulator
from tests.homes import Home
from tests.oracle import differences
from tests.rig import Rig


def test_a_record_that_always_fails_is_no_end_of_the_list(make_rig: Callable[..., Rig]) -> None:
    """It mirrored 24 of 500, and called that a success."""
    rig = make_rig(products=1, features=0, tests=500)
    [product] = rig.products()
    rig.simulator.add_fault(kind="poison", test_id=rig.tests(product)[24])
    result = rig.sync()
    assert (result.status, result.tests_discovered) == (RunStatus.PARTIAL, 499)


def test_killed_after_two_pages_of_a_first_sync(
    home: Home, make_simulator: Callable[..., Simulator]
) -> None:
    """It stopped at the first test that it had, 50 of 500, and the run stayed `running`."""
    home.simulator = make_simulator(products=1, features=0, tests=500, latency_seconds=0.05)
    process = home.start("sync")
    home.wait_for(
        lambda: home.database.exists() and _tables(home) and _count(home) > 30,
        "the second page",
    )
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert _count(home) < 400
    home.run("sync")
    assert differences(home.database, home.simulator) == []
    assert [status for (status,) in home.sql("SELECT status FROM sync_runs ORDER BY id")] == [
        "interrupted",
        "success",
    ]


def _tables(home: Home) -> bool:
    return bool(home.sql("SELECT 1 FROM sqlite_master WHERE name = 'tests'"))


def _count(home: Home) -> int:
    return int(home.sql("SELECT count(*) FROM tests")[0][0])


def test_a_product_with_more_than_1250_tests(make_rig: Callable[..., Rig]) -> None:
    """It stopped after 50 pages."""
    rig = make_rig(products=1, features=0, tests=1300)
    result = rig.sync()
    assert (result.status, result.tests_discovered) == (RunStatus.SUCCESS, 1300)


def test_a_404_on_a_product_whose_id_contains_500(make_rig: Callable[..., Rig]) -> None:
    """It read the id as a status, and sent over a thousand requests."""
    rig = make_rig(products=2, features=0, tests=3)
    rig.simulator.mutate("add", "product", id=500500, fields={})
    rig.simulator.add_fault(kind="status", status=404, path="/products/500500/exploratory_tests")
    result = rig.sync()
    assert [(p.product_id, p.kind) for p in result.errors] == [(500500, ErrorKind.NOT_FOUND)]
    assert rig.requests("/products/500500/exploratory_tests") == 1


def test_a_429_is_tried_again(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=40)
    rig.simulator.add_fault(
        kind="status", status=429, retry_after="0", times=2, path="*/exploratory_tests"
    )
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.differences() == []


def test_one_product_that_fails_is_neither_success_nor_fresh(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=3, features=1, tests=5)
    sick, *others = rig.products()
    rig.simulator.add_fault(kind="status", status=403, path=f"/products/{sick}/exploratory_tests")
    result = rig.sync()
    assert (result.status, result.products_synced, result.products_failed) == (
        RunStatus.PARTIAL,
        2,
        1,
    )
    fresh = rig.sql(
        "SELECT product_id FROM freshness WHERE kind = 'tests' AND complete_as_of IS NOT NULL"
    )
    assert sorted(fresh) == sorted((product,) for product in others)


def test_what_was_deleted_upstream_is_marked(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=50)
    rig.sync()
    [product] = rig.products()
    gone = rig.tests(product)[20]
    rig.simulator.mutate("delete", "test", id=gone)
    rig.sync(SyncOptions(force=True))
    assert rig.sql("SELECT id FROM tests WHERE deleted_at IS NOT NULL") == [(gone,)]


def test_a_lock_older_than_an_hour_whose_owner_lives_is_respected(home: Home) -> None:
    """It unlinked it: two syncs at once."""
    home.settings["TESTIO_LOCK_WAIT_SECONDS"] = "0"
    daemon = home.start("run")
    home.wait_for(lambda: home.lock_file.exists() and _answers(home), "the daemon")
    long_ago = time.time() - 2 * 3600
    os.utime(home.lock_file, (long_ago, long_ago))
    inode = home.lock_file.stat().st_ino
    refused = home.run("run", expect=4)
    assert str(daemon.pid) in refused.stderr
    assert home.lock_file.stat().st_ino == inode, "the file was never unlinked"


def _answers(home: Home) -> bool:
    try:
        home.control.status()
    except Exception:
        return False
    return True
