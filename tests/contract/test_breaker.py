"""The breaker and the rate: an outage costs a handful of requests, one sick path costs nobody."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from testio.cancellation import Cancellation
from testio.client import TestioClient
from testio.errors import Cancelled, RemoteDown
from testio.limits import Breaker, RateLimit, RequestScope, RetryAfterGate, RetryBudget
from tests.conftest import wait_until
from tests.contract.wire import Background, at_once

MakeClient = Callable[..., TestioClient]
PATIENCE = 0.6
PAUSE = 0.2


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(threshold=5, patience=PATIENCE, first_pause=PAUSE, longest_pause=4 * PAUSE)


def open_up(breaker: Breaker) -> None:
    """Five different paths fail."""
    for number in range(5):
        assert not breaker.is_open, f"open after {number} paths"
        breaker.failed(f"/{number}")
    assert breaker.is_open


def admitted(breaker: Breaker, path: str) -> bool:
    """Whether it may be sent; fails if it has to wait for longer than everything here does."""
    call = Background(lambda: breaker.admit(path, Cancellation()))
    call.join(10.0, f"the wait of {path}")
    assert call.error is None or isinstance(call.error, RemoteDown), repr(call.error)
    return call.error is None


def scope(retries: int = 100) -> RequestScope:
    return RequestScope(retries=RetryBudget(retries))


def test_one_failing_path_never_opens_it(breaker: Breaker) -> None:
    for _ in range(1_000):
        breaker.failed("/a")
    assert not breaker.is_open
    assert admitted(breaker, "/a")


def test_a_success_in_between_starts_the_count_anew(breaker: Breaker) -> None:
    for number in range(40):
        breaker.failed(f"/{number}")
        if number % 4 == 3:
            breaker.succeeded()
    assert not breaker.is_open


def test_known_failing_paths_fail_at_once_and_fresh_ones_wait_for_one_probe(
    breaker: Breaker,
) -> None:
    open_up(breaker)
    began = time.monotonic()
    assert not admitted(breaker, "/0")
    assert time.monotonic() - began < 0.1, "a known failing path waited"
    ways: list[str] = []

    def enter(path: str) -> None:
        breaker.admit(path, Cancellation())
        ways.append(path)

    calls = at_once(*(lambda p=f"/fresh/{n}": enter(p) for n in range(10)))
    wait_until(lambda: bool(ways), what="the probe")
    assert time.monotonic() - began >= PAUSE - 0.05, "the probe came before the pause"
    time.sleep(0.15)  # the others would pass now, if they did
    assert len(ways) == 1, f"{len(ways)} passed at once"
    breaker.succeeded()
    for call in calls:
        call.join(1.0)
        assert call.error is None
    assert len(ways) == 10, "after the probe's success everybody passes"


def test_a_failed_probe_doubles_the_pause(breaker: Breaker) -> None:
    open_up(breaker)
    began = time.monotonic()
    assert admitted(breaker, "/fresh/1")
    breaker.failed("/fresh/1")
    first = time.monotonic() - began
    assert admitted(breaker, "/fresh/2")
    second = time.monotonic() - began - first
    assert PAUSE - 0.05 <= first <= PAUSE + 0.2, f"first pause {first:.2f} s"
    assert 2 * PAUSE - 0.05 <= second <= 2 * PAUSE + 0.2, f"second pause {second:.2f} s"


def test_after_the_patience_all_fail_at_once_but_for_one_probe_a_pause(breaker: Breaker) -> None:
    open_up(breaker)
    time.sleep(PATIENCE + 0.1)  # the patience itself
    began = time.monotonic()
    results = [admitted(breaker, f"/late/{number}") for number in range(20)]
    assert results == [True] + [False] * 19
    assert time.monotonic() - began < 0.3, "somebody waited although the patience is over"
    breaker.failed("/late/0")
    assert not admitted(breaker, "/late/21"), "a probe before the pause is over"
    time.sleep(2 * PAUSE + 0.1)  # the pause itself
    assert admitted(breaker, "/0"), "a known failing path may be the probe now"
    breaker.succeeded()
    assert not breaker.is_open
    assert all(admitted(breaker, f"/{number}") for number in range(10))


def test_a_probe_that_was_given_up_leaves_room_for_the_next(breaker: Breaker) -> None:
    open_up(breaker)
    assert admitted(breaker, "/fresh/1")
    breaker.gave_up("/fresh/1")
    assert admitted(breaker, "/fresh/2")


def test_who_waits_for_a_probe_can_be_cancelled(breaker: Breaker) -> None:
    open_up(breaker)
    assert admitted(breaker, "/probe")
    run = Cancellation()
    waiting = Background(lambda: breaker.admit("/fresh", run))
    time.sleep(0.05)
    run.cancel()
    waiting.join(0.5)
    assert isinstance(waiting.error, Cancelled), repr(waiting.error)


def test_who_waits_for_a_turn_or_at_the_gate_can_be_cancelled() -> None:
    run, rate, gate = Cancellation(), RateLimit(1), RetryAfterGate()
    rate.wait(run)
    gate.close_for(60)
    calls = at_once(lambda: rate.wait(run), lambda: gate.wait(run))
    time.sleep(0.05)
    run.cancel()
    for call in calls:
        call.join(0.5)
        assert isinstance(call.error, Cancelled), repr(call.error)
