"""An outage through the client: a handful of requests, and an end with the first success."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from pyrate_limiter import RateItem

from simulator import Simulator, SimulatorOptions
from testio.client import TestioClient
from testio.errors import ServerError, TestioError
from testio.limits import Breaker, RequestScope, RetryBudget
from tests.conftest import wait_until

MakeClient = Callable[..., TestioClient]
PATIENCE = 0.6


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(threshold=5, patience=PATIENCE, first_pause=0.2, longest_pause=0.8)


def scope() -> RequestScope:
    return RequestScope(retries=RetryBudget(100))


def test_one_sick_product_does_not_stop_the_others(
    simulator: Simulator, make_client: MakeClient
) -> None:
    client, products = make_client(simulator), simulator.account()["products"]
    simulator.add_fault(kind="status", status=500, product_id=products[0]["id"])
    for _ in range(3):
        with pytest.raises(ServerError):
            client.list_features(products[0]["id"], scope())
    assert not client.transport.breaker.is_open
    assert client.list_features(products[1]["id"], scope()).records


def test_many_sick_parts_of_one_product_do_not_stop_the_others(
    simulator: Simulator, make_client: MakeClient
) -> None:
    """Single tests and sections have paths of their own; they are no sign of an outage."""
    client, account = make_client(simulator), simulator.account()
    sick, other = (product["id"] for product in account["products"][:2])
    simulator.add_fault(kind="status", status=500, product_id=sick)
    for number, test in enumerate(account["tests"][str(sick)][:6]):
        with pytest.raises(ServerError):
            client.get_test(test["id"], sick, scope())
        with pytest.raises(ServerError):
            client.list_section_features(sick, number + 1, scope())
    assert not client.transport.breaker.is_open
    assert client.list_features(other, scope()).records


def outcomes(client: TestioClient, paths: range) -> dict[str, int]:
    """Ask for all of these from 10 threads; how many ended in which way."""
    run, counts, lock = scope(), dict[str, int](), threading.Lock()

    def ask(number: int) -> None:
        try:
            client.list_features(number, run)
            name = "ok"
        except TestioError as error:
            name = type(error).__name__
        with lock:
            counts[name] = counts.get(name, 0) + 1

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(ask, paths))
    return counts


def test_an_outage_of_all_paths_costs_a_handful_and_ends_with_the_first_success(
    simulator: Simulator, make_client: MakeClient, breaker: Breaker
) -> None:
    client = make_client(simulator, first_pause_seconds=0.05)
    client.transport.breaker = breaker
    fault = simulator.add_fault(kind="status", status=502)
    counts = outcomes(client, range(1, 51))
    asked = len(simulator.requests())
    assert sum(counts.values()) == 50, counts
    assert set(counts) <= {"ServerError", "RemoteDown"}, counts
    # 10 threads may be under way when it opens, with a retry or two; then a few probes.
    assert asked <= 30, f"{asked} requests for 50 paths: {counts}"
    simulator.remove_fault(fault)
    wait_until(lambda: outcomes(client, range(900, 901)) == {"NotFound": 1}, what="the recovery")
    assert not breaker.is_open
    assert outcomes(client, range(900, 920)) == {"NotFound": 20}


def test_a_stopped_remote_is_noticed_and_found_again(
    make_client: MakeClient, breaker: Breaker
) -> None:
    attempts: list[float] = []

    def token() -> str:
        attempts.append(time.monotonic())
        return "demo-token"

    with Simulator(SimulatorOptions(products=3)) as first:
        port = int(first.url.rsplit(":", 1)[1])
        known = first.account()["products"][0]["id"]
        client = make_client(first, token=token, first_pause_seconds=0.05)
        assert outcomes(client, range(known, known + 1)) == {"ok": 1}
    attempts.clear()
    client.transport.breaker = breaker
    counts = outcomes(client, range(1, 51))
    assert sum(counts.values()) == 50, counts
    assert set(counts) <= {"ConnectionFailed", "RemoteDown"}, counts
    assert len(attempts) <= 30, f"{len(attempts)} attempts for 50 paths: {counts}"
    with Simulator(SimulatorOptions(products=3, port=port)):
        wait_until(
            lambda: outcomes(client, range(known, known + 1)) == {"ok": 1}, what="the recovery"
        )
    assert not breaker.is_open


def test_an_unforeseen_error_in_a_probe_does_not_block_the_breaker_for_good(
    simulator: Simulator, make_client: MakeClient, breaker: Breaker
) -> None:
    def token() -> str:
        if broken:
            raise RuntimeError("a bug")
        return simulator.token

    broken, client = [True], make_client(simulator, token=token)
    client.transport.breaker = breaker
    for number in range(5):
        breaker.failed(f"/{number}")
    with pytest.raises(RuntimeError):
        client.list_products(scope())
    broken.clear()
    time.sleep(PATIENCE + 0.1)  # now nobody waits any more
    assert client.list_products(scope()).records


def test_the_rate_is_kept_over_all_threads_and_counts_each_attempt(
    simulator: Simulator, make_client: MakeClient
) -> None:
    """By the limiter's own clock: when requests arrive is the business of a busy machine."""
    client = make_client(simulator, requests_per_second=10)
    granted = grants_of(client)
    simulator.add_fault(kind="status", status=500, times=4)
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: client.list_products(scope()), range(20)))
    times = sorted(line.at for line in simulator.requests())
    assert len(times) == len(granted) == 24
    for i in range(len(granted) - 10):
        apart = (granted[i + 10] - granted[i]) / 1000
        assert apart >= 0.95, f"11 requests within {apart:.2f} s at 10 a second"
    assert times[-1] - times[0] < 4, f"24 requests took {times[-1] - times[0]:.1f} s"


def grants_of(client: TestioClient) -> list[int]:
    """When the limiter lets an attempt go, in milliseconds of its clock, as it does so."""
    bucket, granted = client.transport._rate._bucket._bucket, []  # type: ignore[union-attr]
    put = bucket.put

    def noted(item: RateItem) -> bool:
        if is_granted := put(item):
            granted.append(item.timestamp)
        return is_granted

    bucket.put = noted  # type: ignore[method-assign]
    return granted
