"""A page that is too slow: answered at once for who can ask for less, and no outage by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from rules.listing.windows import Window
from rules.model import BreakerState
from simulator import Simulator
from testio.cancellation import Cancellation
from testio.client import TestioClient
from testio.errors import RemoteDown, TestioError, Timeout
from testio.limits import Breaker, RequestScope, RetryBudget
from testio.transport import ATTEMPTS
from tests.conftest import wait_until
from tests.contract.wire import Background, at_once

MakeClient = Callable[..., TestioClient]
LARGE, SMALL = Window(page=1, per_page=30), Window(page=1, per_page=5)
PATIENCE, PAUSE = 0.3, 0.1


def scope() -> RequestScope:
    return RequestScope(retries=RetryBudget(1000))


def first_product(simulator: Simulator) -> int:
    return int(simulator.account()["products"][0]["id"])


SLOW = [
    {"kind": "hang"},
    {"kind": "status", "status": 504},
    {"kind": "gatekeeper", "status": 524},
    {"kind": "slow_rows", "seconds": 0.02, "gives_up": 0.01},
]


@pytest.mark.parametrize("fault", SLOW, ids=["hang", "504", "524", "slow rows"])
@pytest.mark.parametrize("retry_slow", [False, True])
def test_who_can_ask_for_less_hears_at_once_and_all_others_are_tried_again(
    simulator: Simulator, make_client: MakeClient, fault: dict[str, object], retry_slow: bool
) -> None:
    simulator.add_fault(**fault)  # type: ignore[arg-type]
    client, product = make_client(simulator, timeout_seconds=0.2), first_product(simulator)
    with pytest.raises(Timeout):
        client.list_tests(product, LARGE, scope(), patient=False, retry_slow=retry_slow)
    assert len(simulator.requests()) == (ATTEMPTS if retry_slow else 1)


def test_what_is_not_slow_is_tried_again_all_the_same(
    simulator: Simulator, make_client: MakeClient
) -> None:
    simulator.add_fault(kind="status", status=500, times=1)
    simulator.add_fault(kind="reset", times=1)
    client, product = make_client(simulator), first_product(simulator)
    assert client.list_tests(product, LARGE, scope(), retry_slow=False).records


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(threshold=5, patience=PATIENCE, first_pause=PAUSE, longest_pause=4 * PAUSE)


def asked_in_smaller_pieces(client: TestioClient, product_id: int) -> int:
    """As a worker does; how many rows it got."""
    run = scope()
    for size in (30, 10):
        try:
            window = Window(page=1, per_page=size)
            return len(client.list_tests(product_id, window, run, retry_slow=False).ids)
        except Timeout:
            continue
    return len(client.list_tests(product_id, SMALL, run).ids)


@pytest.mark.parametrize(("seconds", "rows"), [(0.04, 10), (0.11, 5)])
def test_ten_slow_pages_at_once_are_no_outage(
    make_simulator: Callable[..., Simulator],
    make_client: MakeClient,
    breaker: Breaker,
    seconds: float,
    rows: int,
) -> None:
    simulator = make_simulator(products=10, features=0, tests=30)
    client = make_client(simulator, timeout_seconds=1.0)
    client.transport.breaker = breaker
    simulator.add_fault(kind="slow_rows", seconds=seconds)
    products = [row["id"] for row in simulator.account()["products"]]
    calls = at_once(*(lambda p=p: asked_in_smaller_pieces(client, p) for p in products))
    for call in calls:
        call.join(10.0)
    assert [call.error for call in calls] == [None] * 10
    assert {call.result for call in calls} == {rows}
    assert not breaker.is_open


def test_a_remote_that_hangs_altogether_costs_each_worker_a_request_or_two(
    simulator: Simulator, make_client: MakeClient, breaker: Breaker
) -> None:
    client = make_client(simulator, timeout_seconds=0.3)
    client.transport.breaker = breaker
    simulator.add_fault(kind="hang")
    calls = at_once(*(lambda p=p: asked_in_smaller_pieces(client, p) for p in range(1, 11)))
    for call in calls:
        call.join(10.0)
    assert all(isinstance(call.error, RemoteDown | Timeout) for call in calls), calls
    # One in each size would be 60, with their retries. Some ask for less before it opens.
    assert len(simulator.requests()) <= 22
    assert breaker.is_open
    began = time.monotonic()
    with pytest.raises(TestioError):
        asked_in_smaller_pieces(client, 99)
    with pytest.raises(RemoteDown):
        client.list_features(98, scope())
    assert time.monotonic() - began < 1.0, "an outage is told at once, also to large pages"


def open_by_slowness(breaker: Breaker) -> None:
    for number in range(5):
        assert not breaker.is_open
        breaker.too_slow(f"/{number}", "too slow")
    assert breaker.is_open


def test_one_path_that_is_too_slow_again_and_again_never_opens_it(breaker: Breaker) -> None:
    for _ in range(100):
        breaker.too_slow("/a")
    breaker.failed("/b")
    assert not breaker.is_open


def test_a_success_forgets_what_was_too_slow(breaker: Breaker) -> None:
    for number in range(40):
        breaker.too_slow(f"/{number}")
        if number % 4 == 3:
            breaker.succeeded()
    assert not breaker.is_open


def test_who_can_ask_for_less_waits_for_the_probe_however_long_it_takes(breaker: Breaker) -> None:
    open_by_slowness(breaker)
    breaker.admit("/0", Cancellation())
    waiting = Background(lambda: breaker.admit("/1", Cancellation()))
    time.sleep(PATIENCE + 0.2)  # longer than the breaker's usual patience
    assert waiting.running
    breaker.succeeded()
    waiting.join(1.0)
    assert waiting.error is None
    assert breaker.state()[0] is BreakerState.CLOSED


def test_the_path_of_a_slow_probe_is_the_next_one(breaker: Breaker) -> None:
    open_by_slowness(breaker)
    breaker.admit("/0", Cancellation())
    waiting = Background(lambda: breaker.admit("/1", Cancellation()))
    breaker.too_slow("/0")
    breaker.admit("/0", Cancellation())  # at once, with fewer rows
    assert waiting.running
    breaker.failed("/0")
    waiting.join(1.0)
    assert isinstance(waiting.error, RemoteDown), "asking for less was no help"
    wait_until(lambda: admitted(breaker, "/1"), what="a probe after the pause")


def admitted(breaker: Breaker, path: str) -> bool:
    try:
        breaker.admit(path, Cancellation())
    except RemoteDown:
        return False
    return True


def test_in_an_outage_what_is_too_slow_is_a_failure_like_any_other(breaker: Breaker) -> None:
    for number in range(5):
        breaker.failed(f"/{number}")
    breaker.too_slow("/late")
    with pytest.raises(RemoteDown):
        breaker.admit("/late", Cancellation())
