"""What is tried again and how often, and that the end of a run ends it at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rules.listing.windows import Window
from simulator import Simulator
from testio.client import TestioClient
from testio.errors import Cancelled, RateLimited, ServerError, TestioError
from testio.limits import RequestScope, RetryBudget
from testio.transport import ATTEMPTS
from tests.conftest import wait_until
from tests.contract.wire import Background, at_once

MakeClient = Callable[..., TestioClient]
PROMPTLY = 0.5


def scope(retries: int = 100) -> RequestScope:
    return RequestScope(retries=RetryBudget(retries))


def outcome(work: Callable[[], object]) -> str:
    """Either "ok" or the name of the error."""
    try:
        work()
    except TestioError as error:
        return type(error).__name__
    return "ok"


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        ({"kind": "status", "status": 500}, ATTEMPTS),
        ({"kind": "status", "status": 503}, ATTEMPTS),
        ({"kind": "status", "status": 429}, ATTEMPTS),
        ({"kind": "reset"}, ATTEMPTS),
        ({"kind": "truncate"}, ATTEMPTS),
        ({"kind": "status", "status": 400}, 1),
        ({"kind": "status", "status": 401}, 1),
        ({"kind": "status", "status": 403}, 1),
        ({"kind": "status", "status": 404}, 1),
        ({"kind": "redirect", "location": "http://localhost/"}, 1),
        ({"kind": "garbage"}, 1),
        ({"kind": "bad_envelope"}, 1),
        ({"kind": "huge", "bytes": 3_000_000}, 1),
    ],
    ids=lambda value: str(value.get("status", value["kind"])) if isinstance(value, dict) else "",
)
def test_only_what_may_pass_by_itself_is_tried_again(
    simulator: Simulator, make_client: MakeClient, fault: dict[str, str | int], requests: int
) -> None:
    simulator.add_fault(**fault)  # type: ignore[arg-type]
    client, run = make_client(simulator, max_response_bytes=1_000_000), scope()
    with pytest.raises(TestioError):
        client.list_products(run)
    assert len(simulator.requests()) == requests
    assert run.attempts.ended == requests, "what fails moves a run, too: it is not stuck"


def test_a_hanging_answer_is_tried_again(simulator: Simulator, make_client: MakeClient) -> None:
    simulator.add_fault(kind="hang")
    client = make_client(simulator, timeout_seconds=0.1)
    assert outcome(lambda: client.list_products(scope())) == "Timeout"
    assert len(simulator.requests()) == ATTEMPTS


def test_a_passing_failure_goes_unnoticed(simulator: Simulator, make_client: MakeClient) -> None:
    simulator.add_fault(kind="status", status=500, times=1)
    simulator.add_fault(kind="reset", times=1)
    simulator.add_fault(kind="truncate", after_bytes=10, times=1)
    rows = make_client(simulator).list_products(scope())
    assert len(rows.records) == 5
    assert [line.status for line in simulator.requests()][0::3] == [500, 200]


def test_the_retries_of_a_run_are_shared_by_its_requests(
    simulator: Simulator, make_client: MakeClient
) -> None:
    simulator.add_fault(kind="status", status=500)
    client, run, costs = make_client(simulator), scope(retries=4), []
    for _ in range(3):
        simulator.forget_requests()
        assert outcome(lambda: client.list_products(run)) == "ServerError"
        costs.append(len(simulator.requests()))
    assert costs == [4, 2, 1], "3 retries, then the last one, then none"
    simulator.forget_requests()
    assert outcome(lambda: client.list_products(scope(retries=1))) == "ServerError"
    assert len(simulator.requests()) == 2, "another run has retries of its own"


def test_cancelling_wakes_a_request_that_pauses_before_its_retry(
    simulator: Simulator, make_client: MakeClient
) -> None:
    simulator.add_fault(kind="status", status=500)
    # The pause is drawn from 0 to this; of 10 calls nearly all are in a long one.
    client = make_client(simulator, first_pause_seconds=600.0, longest_pause_seconds=600.0)
    run, path = scope(), simulator.account()["products"][0]["id"]
    calls = at_once(*(lambda: client.list_features(path, run) for _ in range(10)))
    wait_until(lambda: len(simulator.requests()) >= 10, what="the first attempts")
    run.cancellation.cancel()
    for call in calls:
        call.join(PROMPTLY, "a pausing request")
        assert isinstance(call.error, Cancelled | ServerError), call.error
    assert len(simulator.requests()) < 20


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "hang"},
        {"kind": "slow", "seconds": 30},
        {"kind": "drip", "seconds": 0.02},
    ],
    ids=lambda fault: fault["kind"],
)
def test_cancelling_ends_a_request_under_way(
    simulator: Simulator, make_client: MakeClient, fault: dict[str, str | float]
) -> None:
    simulator.add_fault(**fault)  # type: ignore[arg-type]
    client, run, other = make_client(simulator, timeout_seconds=30.0), scope(), scope()
    product_id = simulator.account()["products"][0]["id"]
    window = Window(page=1, per_page=25)
    calls = at_once(*(lambda: client.list_tests(product_id, window, run) for _ in range(3)))
    bystander = Background(lambda: client.list_tests(product_id, window, other))
    wait_until(lambda: len(simulator.requests()) == 4, what="the arrival of the requests")
    run.cancellation.cancel()
    for call in calls:
        call.join(PROMPTLY, f"a request that meets {fault['kind']}")
        assert isinstance(call.error, Cancelled), repr(call.error)
    assert bystander.running, "another run's request is left alone"
    other.cancellation.cancel()
    bystander.join(PROMPTLY)
    assert len(simulator.requests()) == 4, "nothing is tried again after the end of a run"


def test_a_cancelled_run_sends_nothing(simulator: Simulator, make_client: MakeClient) -> None:
    run = scope()
    run.cancellation.cancel()
    assert outcome(lambda: make_client(simulator).list_products(run)) == "Cancelled"
    assert simulator.requests() == []


def test_the_last_error_is_the_one_that_is_raised(
    simulator: Simulator, make_client: MakeClient
) -> None:
    simulator.add_fault(kind="status", status=500, times=ATTEMPTS - 1)
    simulator.add_fault(kind="status", status=429)
    with pytest.raises(RateLimited):
        make_client(simulator).list_products(scope())
