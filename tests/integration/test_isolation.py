"""One product's failure, however it comes, leaves every other product complete."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from rules.model import ErrorKind, Outcome, RunStatus, SyncPhase
from rules.run.events import EventName
from testio.errors import ServerError, Timeout, Unauthorized
from testio.limits import RequestScope
from tests.conftest import Bench

SICK = (SyncPhase.FEATURES, 2)


def raise_it(error: BaseException) -> Callable[[RequestScope], None]:
    def misbehave(_scope: RequestScope) -> None:
        raise error

    return misbehave


@pytest.mark.parametrize(
    ("misbehave", "kind"),
    [
        (raise_it(RuntimeError("a bug")), ErrorKind.CRASHED),
        (raise_it(SystemExit(3)), ErrorKind.CRASHED),
        (raise_it(KeyboardInterrupt()), ErrorKind.CRASHED),
        (raise_it(ServerError("the remote failed (500)")), ErrorKind.SERVER_ERROR),
        (raise_it(Timeout("too late")), ErrorKind.TIMEOUT),
        (lambda _scope: sys.exit("from deep within"), ErrorKind.CRASHED),
    ],
    ids=["bug", "SystemExit", "KeyboardInterrupt", "500", "timeout", "sys.exit"],
)
def test_one_product_fails_and_the_others_complete(
    bench: Bench, misbehave: Callable[[RequestScope], None], kind: ErrorKind
) -> None:
    bench.account.misbehave[SICK] = misbehave
    result = bench.run()
    assert result.status is RunStatus.PARTIAL
    assert [(p.product_id, p.phase, p.kind) for p in result.errors] == [
        (2, SyncPhase.FEATURES, kind)
    ]
    assert (result.products_synced, result.products_failed) == (2, 1)
    assert result.phases_completed == (SyncPhase.PRODUCTS, SyncPhase.NEW_TESTS)
    failed = bench.events.of(EventName.PRODUCT_FAILED)
    assert [(e.product_id, e.outcome) for e in failed] == [(2, Outcome.FAILED)]
    again = bench.run()
    assert again.run_id == result.run_id + 1, "the system still takes runs"


def test_a_worker_stopped_in_the_middle_of_its_product(bench: Bench) -> None:
    bench.workers = 1

    def stop_the_worker(_scope: RequestScope) -> None:
        ref = bench.system.wiring.workers[0].ref
        assert ref is not None
        ref.stop(block=False)

    bench.account.misbehave[(SyncPhase.NEW_TESTS, 1)] = stop_the_worker
    result = bench.run()
    assert result.status is RunStatus.PARTIAL
    assert [(p.product_id, p.kind) for p in result.errors] == [(1, ErrorKind.CRASHED)]
    assert result.products_synced == 2


def test_a_worker_stopped_while_idle_costs_nothing(bench: Bench) -> None:
    for address in bench.system.wiring.workers:
        assert address.ref is not None
        address.ref.stop(block=True, timeout=2)
    result = bench.run()
    assert result.status is RunStatus.SUCCESS, result.errors


def test_every_worker_crashing_again_and_again_is_no_reason_to_give_up(bench: Bench) -> None:
    bench.account.products = tuple(range(1, 41))
    bench.queries.products = tuple(range(1, 41))
    for product_id in range(1, 40):
        bench.account.misbehave[(SyncPhase.FEATURES, product_id)] = raise_it(RuntimeError("bug"))
    result = bench.run(SyncPhase.FEATURES)
    assert (result.status, result.products_failed, result.products_synced) == (
        RunStatus.PARTIAL,
        39,
        1,
    )
    assert not bench.system.gave_up.is_set()


def test_401_ends_the_run_at_once(bench: Bench) -> None:
    bench.workers = 1
    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = raise_it(Unauthorized("refused (401)"))
    result = bench.run()
    assert result.status is RunStatus.PARTIAL, "the product list was complete"
    assert [p.kind for p in result.errors] == [ErrorKind.UNAUTHORIZED]
    assert bench.account.calls == [(SyncPhase.PRODUCTS, 0), (SyncPhase.FEATURES, 1)]
    skipped = [e.product_id for e in bench.events.of(EventName.PRODUCT_SKIPPED)]
    assert set(skipped) == {2, 3}


def test_a_failed_product_list_does_not_stop_the_known_products(bench: Bench) -> None:
    bench.account.misbehave[(SyncPhase.PRODUCTS, 0)] = raise_it(ServerError("500"))
    result = bench.run()
    assert result.status is RunStatus.PARTIAL
    assert result.products_synced == 3
    assert [(p.phase, p.product_id) for p in result.errors] == [(SyncPhase.PRODUCTS, None)]


def test_a_run_without_any_list_of_products_fails_and_says_what_to_do(bench: Bench) -> None:
    bench.queries.products = None
    result = bench.run(SyncPhase.NEW_TESTS)
    assert result.status is RunStatus.FAILED
    assert "run the products phase first" in result.errors[0].message


def test_each_product_comes_out_exactly_once_in_each_phase(bench: Bench) -> None:
    bench.account.misbehave[SICK] = raise_it(RuntimeError("bug"))
    bench.run()
    ended = [
        (event.phase, event.product_id)
        for name in (EventName.PRODUCT_SYNCED, EventName.PRODUCT_FAILED)
        for event in bench.events.of(name)
    ]
    expected = [(SyncPhase.PRODUCTS, 0)]
    expected += [
        (phase, p) for phase in (SyncPhase.FEATURES, SyncPhase.NEW_TESTS) for p in (1, 2, 3)
    ]
    assert sorted(ended, key=str) == sorted(expected, key=str)
