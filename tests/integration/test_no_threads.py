"""A role for which there is no thread stays empty until there is one, and nothing else ends."""

from __future__ import annotations

import pykka
import pytest

from actors.base import Address, NoAnswer
from config.threads import NONE_TO_BE_HAD, NoThread
from rules.model import RunStatus, SyncPhase
from tests.conftest import Bench, wait_until
from tests.integration.test_runs import Hold
from tests.integration.test_supervision import _crashable as _crashable
from tests.integration.test_supervision import crash

ROLES = ["logger", "mirror", "worker-1", "features-phase", "coordinator", "scheduler"]


@pytest.fixture
def scarce(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """While there is something in it, no actor's thread can be started."""
    held: set[str] = set()
    start = pykka.ThreadingActor._start_actor_loop

    def limited(actor: pykka.ThreadingActor) -> None:
        if held:
            raise RuntimeError(NONE_TO_BE_HAD)
        start(actor)

    monkeypatch.setattr(pykka.ThreadingActor, "_start_actor_loop", limited)
    return held


def of_role(bench: Bench, role: str) -> Address:
    return next(a for a in bench.system.wiring.everyone if a.role == role)


@pytest.mark.parametrize("role", ROLES)
def test_an_empty_role_is_filled_with_the_first_beat_that_can(
    role: str, bench: Bench, scarce: set[str]
) -> None:
    bench.interval = 1000.0
    assert bench.run().status is RunStatus.SUCCESS
    scarce.add("all")
    crash(of_role(bench, role), RuntimeError("bug"))
    wait_until(lambda: role in bench.system.missing(), what="that it is empty")
    assert not bench.system.gave_up.is_set()
    if role == "coordinator":
        with pytest.raises(NoAnswer, match="no more threads"):
            bench.system.status()
    scarce.clear()
    wait_until(lambda: not bench.system.missing(), what="that all roles are filled")
    assert bench.run().status is RunStatus.SUCCESS
    assert not bench.system.gave_up.is_set()


def test_a_product_of_a_worker_that_is_not_replaced_fails_and_others_take_the_rest(
    bench: Bench, scarce: set[str]
) -> None:
    hold = Hold()
    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = hold
    run_id = bench.start()
    assert hold.reached.wait(5)
    bench.account.misbehave.clear()
    scarce.add("all")
    busy = next(a.role for a in bench.system.busy() if a.product_id == 1)
    hold.let_go.set()
    crash(of_role(bench, busy), RuntimeError("bug"))
    assert bench.wait(run_id).status in (RunStatus.PARTIAL, RunStatus.SUCCESS)
    wait_until(lambda: set(bench.system.missing()) == {busy}, what="that one is empty")
    scarce.clear()
    wait_until(lambda: not bench.system.missing(), what="that it is filled")
    assert bench.run().status is RunStatus.SUCCESS


def test_a_system_without_threads_does_not_start_but_for_some_workers(
    bench: Bench, scarce: set[str]
) -> None:
    scarce.add("all")
    with pytest.raises(NoThread, match="ulimit -u"):
        _ = bench.system
    scarce.clear()
    bench.system.stop()
    bench._system = None
    assert bench.run().status is RunStatus.SUCCESS
    scarce.add("all")
    bench.system.employ(bench.workers + 2)
    assert set(bench.system.missing()) == {"worker-4", "worker-5"}
    assert bench.run().status is RunStatus.SUCCESS
    scarce.clear()
    wait_until(lambda: not bench.system.missing(), what="the workers")
