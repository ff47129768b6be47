"""The total deadline, the end of the client, and broken connections."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from rules.listing.windows import Window
from rules.records import TestRecord
from simulator import Simulator
from testio.client import TestioClient
from testio.errors import Cancelled, ConnectionFailed, TestioError, Timeout
from testio.limits import RequestScope, RetryBudget
from testio.payloads import Rows
from tests.conftest import wait_until
from tests.contract.wire import Answer, Background, at_once, drip, raw_server

MakeClient = Callable[..., TestioClient]
DEADLINE = 0.5
SLACK = 0.3


def scope(retries: int = 0) -> RequestScope:
    return RequestScope(retries=RetryBudget(retries))


def page(
    client: TestioClient, product_id: int, run: RequestScope | None = None
) -> Rows[TestRecord]:
    return client.list_tests(product_id, Window(page=1, per_page=25), run or scope())


@pytest.fixture
def product_id(simulator: Simulator) -> int:
    first: int = simulator.account()["products"][0]["id"]
    return first


def assert_times_out(work: Callable[[], object]) -> None:
    began = time.monotonic()
    with pytest.raises(TestioError) as caught:
        work()
    seconds = time.monotonic() - began
    assert type(caught.value) is Timeout, f"after {seconds:.2f} s: {caught.value!r}"
    assert DEADLINE - 0.05 <= seconds <= DEADLINE + SLACK, f"it took {seconds:.2f} s"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "hang"},
        {"kind": "slow", "seconds": 10},
        {"kind": "drip", "seconds": 0.05},
        {"kind": "drip", "seconds": 0.001},
    ],
    ids=["hang", "slow", "drip in the head", "drip in the body"],
)
def test_an_answer_that_does_not_end_is_a_timeout(
    simulator: Simulator, make_client: MakeClient, product_id: int, fault: dict[str, str | float]
) -> None:
    simulator.add_fault(**fault)  # type: ignore[arg-type]
    client = make_client(simulator, timeout_seconds=DEADLINE)
    assert_times_out(lambda: page(client, product_id))
    simulator.clear_faults()
    assert len(page(client, product_id).records) == 25, "the client works after a cut"


ROWS = b'{"products": [' + b" " * 500 + b"]}"
BYTES = b"HTTP/1.1 200 OK\r\n"


def dripping_body(*headers: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.sendall(BYTES + b"".join(header + b"\r\n" for header in headers) + b"\r\n")
        drip(connection, ROWS)

    return answer


def dripping_chunks(connection: socket.socket) -> None:
    connection.sendall(BYTES + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
    drip(connection, b"".join(b"1\r\n%c\r\n" % byte for byte in ROWS) + b"0\r\n\r\n")


def endless_header(connection: socket.socket) -> None:
    connection.sendall(BYTES + b"X-Long: ")
    drip(connection, b"x" * 2_000)


def silent_after_half(connection: socket.socket) -> None:
    connection.sendall(BYTES + b"Connection: close\r\n\r\n" + ROWS[:200])
    connection.recv(1)


ENDLESS: dict[str, Answer] = {
    "length": dripping_body(b"Content-Length: %d" % len(ROWS)),
    "length, close": dripping_body(b"Content-Length: %d" % len(ROWS), b"Connection: close"),
    "close": dripping_body(b"Connection: close"),
    "neither": dripping_body(),
    "chunks": dripping_chunks,
    "header": endless_header,
    "silence": silent_after_half,
}


@pytest.fixture(params=ENDLESS)
def endless(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a server whose answer takes over 5 seconds, framed in one of many ways."""
    with raw_server(ENDLESS[request.param]) as server:
        yield server.base_url


def test_the_deadline_holds_for_every_framing_of_a_body(
    simulator: Simulator, make_client: MakeClient, endless: str
) -> None:
    client = make_client(simulator, base_url=endless, timeout_seconds=DEADLINE)
    assert_times_out(lambda: client.list_products(scope()))


def test_cancelling_works_for_every_framing_of_a_body(
    simulator: Simulator, make_client: MakeClient, endless: str
) -> None:
    client, run = make_client(simulator, base_url=endless), scope()
    call = Background(lambda: client.list_products(run))
    time.sleep(0.2)  # somewhere within the head or the body
    run.cancellation.cancel()
    call.join(0.5)
    assert isinstance(call.error, Cancelled), repr(call.error)


def test_cancelling_ends_a_connection_attempt(
    simulator: Simulator, make_client: MakeClient
) -> None:
    with socket.socket() as full:  # its queue is full, so nobody answers further attempts
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(full.getsockname())
        base_url = f"http://127.0.0.1:{full.getsockname()[1]}"
        client, run = make_client(simulator, base_url=base_url, timeout_seconds=2.0), scope()
        call = Background(lambda: client.list_products(run))
        time.sleep(0.2)
        assert call.running, f"the attempt should hang, not end with {call.error!r}"
        cancelled_at = time.monotonic()
        run.cancellation.cancel()
        call.join(3.0)
        seconds = time.monotonic() - cancelled_at
        for caller in callers:
            caller.close()
    assert isinstance(call.error, Cancelled), repr(call.error)
    assert seconds < 0.5, f"it took {seconds:.2f} s"


def test_an_answer_in_time_is_not_cut_later(
    simulator: Simulator, make_client: MakeClient, product_id: int
) -> None:
    client = make_client(simulator, timeout_seconds=DEADLINE)
    simulator.add_fault(kind="slow", seconds=0.3, times=3)
    for _ in range(3):  # on one connection, past the first one's deadline
        assert len(page(client, product_id).records) == 25


def test_one_deadline_does_not_cut_the_others(
    simulator: Simulator, make_client: MakeClient, product_id: int
) -> None:
    client = make_client(simulator, timeout_seconds=DEADLINE)
    simulator.add_fault(kind="hang", path="/products")
    stuck = Background(lambda: client.list_products(scope()))
    served = 0
    while stuck.running:
        assert len(page(client, product_id).records) == 25
        served += 1
    assert isinstance(stuck.error, Timeout), repr(stuck.error)
    assert served > 10, f"only {served} answers while one request hung"


def test_closing_the_client_ends_all_requests_and_its_thread(
    simulator: Simulator, make_client: MakeClient, product_id: int
) -> None:
    before = threading.active_count()
    simulator.add_fault(kind="hang")
    client = make_client(simulator, timeout_seconds=30.0)
    calls = at_once(*(lambda: page(client, product_id) for _ in range(8)))
    wait_until(lambda: len(simulator.requests()) == 8, what="the arrival of the requests")
    client.close()
    for call in calls:
        call.join(0.5)
        assert isinstance(call.error, Cancelled), repr(call.error)
    assert threading.active_count() == before, threading.enumerate()
    client.close()


def test_a_closed_client_sends_nothing_more(
    simulator: Simulator, make_client: MakeClient, product_id: int
) -> None:
    client, run = make_client(simulator), scope()
    client.transport.gate.close_for(0.3)
    parked = Background(lambda: page(client, product_id, run))
    client.close()
    late = Background(lambda: page(client, product_id, run))
    for call in (parked, late):
        call.join(3.0)
    assert simulator.requests() == [], "sent after close(), where no deadline is kept"
    assert isinstance(parked.error, TestioError), repr(parked.error)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "reset", "after_bytes": 100},
        {"kind": "truncate"},
        {"kind": "truncate", "after_bytes": 0},
    ],
    ids=["reset", "reset in the body", "half", "nothing"],
)
def test_a_broken_connection_is_told_as_such(
    simulator: Simulator, make_client: MakeClient, product_id: int, fault: dict[str, str | int]
) -> None:
    simulator.add_fault(**fault, times=1)  # type: ignore[arg-type]
    client = make_client(simulator)
    with pytest.raises(ConnectionFailed):
        page(client, product_id)
    assert len(page(client, product_id).records) == 25


def test_nobody_listening_is_a_failed_connection(
    simulator: Simulator, make_client: MakeClient
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(ConnectionFailed) as caught:
        make_client(simulator, base_url=base_url).list_products(scope())
    assert "refused" in str(caught.value)
