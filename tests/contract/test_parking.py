"""How everybody waits when the remote asks for it."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulator import Simulator
from testio.answers import retry_after_seconds
from testio.client import TestioClient
from testio.errors import Cancelled
from testio.limits import RequestScope, RetryBudget
from testio.transport import LONGEST_RETRY_AFTER
from tests.conftest import wait_until
from tests.contract.wire import Background, at_once

MakeClient = Callable[..., TestioClient]
PROMPTLY = 0.5


def scope() -> RequestScope:
    return RequestScope(retries=RetryBudget(100))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_parks_all_threads(
    simulator: Simulator, make_client: MakeClient, status: int, form: str
) -> None:
    client, products = make_client(simulator), simulator.account()["products"]
    # A date has whole seconds, so this one is 1 to 2 s away.
    until = int(time.time()) + 2
    waits = "1" if form == "seconds" else email.utils.formatdate(until, usegmt=True)
    simulator.add_fault(kind="status", status=status, retry_after=waits, times=1, path="/products")
    asking = Background(lambda: client.list_products(scope()))
    wait_until(lambda: client.transport.gate.seconds_left > 0, what="the gate's closing")
    others = at_once(
        *(lambda p=product["id"]: client.list_features(p, scope()) for product in products)
    )
    asking.join(5.0)
    assert asking.error is None, repr(asking.error)
    for call in others:
        call.join(5.0)
        assert call.error is None, repr(call.error)
    first, *rest = sorted(line.at for line in simulator.requests())
    assert len(rest) == len(products) + 1
    opens_at = first + 1 if form == "seconds" else float(until)
    early = opens_at - min(rest)
    assert early <= 0.05, f"somebody sent {early:.3f} s too early"


def test_requests_that_wait_for_their_turn_are_parked_as_well(
    simulator: Simulator, make_client: MakeClient
) -> None:
    client, products = make_client(simulator, requests_per_second=1), simulator.account()
    ids = [product["id"] for product in products["products"]][:3]
    simulator.add_fault(kind="status", status=429, retry_after="2", times=1)
    run = scope()
    calls = at_once(*(lambda p=number: client.list_features(p, run) for number in ids))
    wait_until(lambda: client.transport.gate.seconds_left > 0, what="the gate's closing")
    for call in calls:
        call.join(9.0)
    first, *rest = sorted(line.at for line in simulator.requests())
    waited = [round(at - first, 2) for at in rest]
    assert min(waited) >= 1.95, f"sent after {waited} s although asked to wait for 2"


@pytest.mark.parametrize("header", ["soon", "", "-5", "1.5", "٣", "Wed, 99 Foo 2026"])
def test_an_unusable_retry_after_closes_no_gate(
    simulator: Simulator, make_client: MakeClient, header: str
) -> None:
    if header.isascii():
        simulator.add_fault(kind="status", status=429, retry_after=header, times=1)
    client = make_client(simulator)
    client.list_products(scope())
    assert client.transport.gate.seconds_left == 0
    assert retry_after_seconds(header, now=0.0) is None


@example("Mon, 01 Jan 2026 00:00:00 +99999999999")
@example("9" * 5_000)
@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40) | st.from_regex(r"[A-Z][a-z]{2}, \d+ Jan \d+ \d+:\d+:\d+ [+-]?\w*"))
def test_no_header_breaks_the_reading_of_retry_after(header: str) -> None:
    seconds = retry_after_seconds(header, now=1_750_000_000.0)
    assert seconds is None or 0 <= seconds < math.inf


def test_a_time_in_the_past_asks_for_no_wait() -> None:
    assert retry_after_seconds("Mon, 05 Jan 2026 00:00:00 GMT", now=1_800_000_000.0) == 0
    assert retry_after_seconds(" 7 ", now=0.0) == 7


@pytest.mark.parametrize("asked", [str(10**9), "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_an_absurd_wait_is_capped_and_can_be_cancelled(
    simulator: Simulator, make_client: MakeClient, asked: str
) -> None:
    simulator.add_fault(kind="status", status=429, retry_after=asked)
    client, run = make_client(simulator), scope()
    gate = client.transport.gate
    call = Background(lambda: client.list_products(run))
    wait_until(lambda: gate.seconds_left > 0, what="the gate's closing")
    parked = Background(lambda: client.list_products(run))
    left = gate.seconds_left
    run.cancellation.cancel()
    for one in (call, parked):
        one.join(PROMPTLY, "a parked request")
        assert isinstance(one.error, Cancelled), one.error
    assert LONGEST_RETRY_AFTER - 1 < left <= LONGEST_RETRY_AFTER
    assert len(simulator.requests()) == 1


def test_a_shorter_wait_does_not_shorten_a_longer_one(
    simulator: Simulator, make_client: MakeClient
) -> None:
    client = make_client(simulator)
    client.transport.gate.close_for(60)
    client.transport.gate.close_for(1)
    assert client.transport.gate.seconds_left > 59
