"""Limits that change while requests are under way, and an end for a part of a run."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from simulator import Simulator
from testio.cancellation import Cancellation
from testio.client import TestioClient
from testio.errors import Cancelled, ServerError, TestioError
from testio.limits import RateLimit, RequestScope, Slots

MANY = 30.0


def test_more_slots_let_those_who_wait_go_on_at_once() -> None:
    slots, inside = Slots(1), threading.Semaphore(0)
    leave = threading.Event()

    def hold() -> None:
        with slots.taken(Cancellation()):
            inside.release()
            leave.wait(5)

    threads = [threading.Thread(target=hold) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=5)
    assert not inside.acquire(timeout=0.1), "one at a time"
    slots.resize(3)
    assert inside.acquire(timeout=5)
    assert inside.acquire(timeout=5)
    slots.resize(1)
    leave.set()
    for thread in threads:
        thread.join(5)
    with slots.taken(Cancellation()):
        pass


def test_who_waits_by_a_low_rate_goes_on_when_it_is_lifted() -> None:
    rate, cancellation = RateLimit(1), Cancellation()
    rate.wait(cancellation)
    done = threading.Event()

    def wait() -> None:
        rate.wait(cancellation)
        done.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not done.wait(0.1)
    rate.change(0)
    assert done.wait(0.5), "it need not wait for the old second to end"
    waiting.join(5)


def test_a_part_ends_with_the_whole_but_not_the_other_way_round() -> None:
    whole = Cancellation()
    one, other = whole.part(), whole.part()
    one.cancel()
    assert (one.cancelled, other.cancelled, whole.cancelled) == (True, False, False)
    whole.release(one)
    whole.release(one)
    whole.cancel()
    assert other.cancelled
    assert whole.part().cancelled, "a part of what has ended has ended"


def test_cutting_a_part_ends_its_request_and_no_other(
    simulator: Simulator, make_client: Callable[..., TestioClient]
) -> None:
    client, scope = make_client(simulator), RequestScope()
    first, second = (product["id"] for product in simulator.account()["products"][:2])
    simulator.add_fault(kind="hang", path=f"*/products/{first}/features*")
    part = scope.part()
    timer = threading.Timer(0.1, part.cancellation.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        client.list_features(first, part)
    assert client.list_features(second, scope.part()).records
    timer.join()


def test_the_state_counts_attempts_retries_and_failures(
    simulator: Simulator, make_client: Callable[..., TestioClient]
) -> None:
    client, seen = make_client(simulator), list[tuple[float, str]]()
    client.transport.tally.observe = lambda seconds, result: seen.append((seconds, result))
    simulator.add_fault(kind="status", status=500, path="*/features*")
    client.list_products(RequestScope())
    with pytest.raises(ServerError):
        client.list_features(simulator.account()["products"][0]["id"], RequestScope())
    state = client.state()
    assert state.results == {"ok": 1, "server_error": 4}
    assert (state.retries, state.in_flight, state.connections) == (3, 0, 10)
    assert [result for _, result in seen] == ["ok", *["server_error"] * 4]
    assert all(0 <= seconds < MANY for seconds, _ in seen)
    assert "500" in state.last_failure


def test_new_limits_hold_for_the_next_request(
    simulator: Simulator, make_client: Callable[..., TestioClient]
) -> None:
    client = make_client(simulator)
    simulator.add_fault(kind="hang", path="*")
    client.allow(
        connections=2, requests_per_second=7, timeout_seconds=0.1, max_response_bytes=10**6
    )
    began = time.monotonic()
    with pytest.raises(Exception, match=r"in 0\.1 s"):
        client.list_products(RequestScope())
    assert time.monotonic() - began < MANY
    assert (client.state().connections, client.state().requests_per_second) == (2, 7)


def test_with_fewer_slots_than_senders_nobody_sends_through_a_closed_gate(
    simulator: Simulator, make_client: Callable[..., TestioClient]
) -> None:
    client = make_client(simulator, connections=1)
    simulator.add_fault(kind="slow", seconds=0.05)
    simulator.add_fault(kind="status", status=429, retry_after="30", times=1)
    scope = RequestScope()
    products = [product["id"] for product in simulator.account()["products"]]

    def ask(product_id: int) -> None:
        with contextlib.suppress(TestioError):
            client.list_features(product_id, scope)

    threads = [threading.Thread(target=ask, args=(product,)) for product in products]
    for thread in threads:
        thread.start()
    give_up_at = time.monotonic() + 5
    while client.state().parked_seconds == 0 and time.monotonic() < give_up_at:
        time.sleep(0.005)
    sent = len(simulator.requests())
    time.sleep(0.4)  # time enough for everybody else, if they were let
    assert len(simulator.requests()) == sent == 1
    scope.cancellation.cancel()
    for thread in threads:
        thread.join(5)


def test_the_same_rate_again_gives_nobody_more() -> None:
    rate, cancellation = RateLimit(3), Cancellation()
    began = time.monotonic()
    for _ in range(7):
        rate.change(3)
        rate.wait(cancellation)
    assert time.monotonic() - began >= 1.5, "3 a second: the seventh is in the third second"
