"""Answers without end: refused at the limit, read in steps, with little memory."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable

import pytest

from simulator import Simulator
from testio.client import TestioClient
from testio.errors import BadPayload, ConnectionFailed, NotFound, TestioError
from testio.limits import RequestScope, RetryBudget
from testio.transport import TransportOptions
from tests.contract.wire import raw_server, reply

MakeClient = Callable[..., TestioClient]
LIMIT = 1_000_000
MEGABYTE = 2**20
BYTES = b"HTTP/1.1 200 OK\r\n"
ENDLESS_CHUNK = {"kind": "chunked", "defect": "negative"}
HUGE = {"kind": "huge", "bytes": 128 * MEGABYTE}
BOMB = {"kind": "gzip_bomb", "bytes": 256 * MEGABYTE}
REDIRECT = {"kind": "redirect", "location": "http://localhost/"}


def scope() -> RequestScope:
    return RequestScope(retries=RetryBudget(0))


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        ([HUGE], BadPayload),
        ([BOMB], BadPayload),
        ([BOMB | {"layers": 2}], BadPayload),
        ([ENDLESS_CHUNK], ConnectionFailed),
        ([{"kind": "status", "status": 404}, HUGE], NotFound),
        ([REDIRECT, HUGE], BadPayload),
        ([REDIRECT, BOMB], BadPayload),
    ],
    ids=[
        "huge",
        "gzip bomb",
        "bomb in a bomb",
        "endless chunk",
        "error",
        "redirect",
        "redirect with a gzip bomb",
    ],
)
def test_an_endless_answer_is_refused_with_little_memory(
    faults: list[dict[str, str | int]], error: type[TestioError]
) -> None:
    """The simulator is a process of its own here, so that only the client's memory is measured."""
    flags = [flag for fault in faults for flag in ("--fault", json.dumps(fault))]
    command = [sys.executable, "-m", "simulator", "--json", *flags]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        options = TransportOptions(
            base_url=ready["base_url"], token=lambda: ready["token"], max_response_bytes=LIMIT
        )
        client = TestioClient(options)
        tracemalloc.start()
        try:
            with pytest.raises(error):
                client.list_products(scope())
            used = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            client.close()
            process.terminate()
    assert used < 8 * MEGABYTE, f"{used / MEGABYTE:.0f} MiB for a limit of {LIMIT} bytes"


@pytest.mark.parametrize("kind", ["huge", "gzip_bomb"])
def test_an_answer_just_within_the_limit_is_read(
    simulator: Simulator, make_client: MakeClient, kind: str
) -> None:
    simulator.add_fault(kind=kind, bytes=LIMIT)
    client = make_client(simulator, max_response_bytes=LIMIT)
    assert len(client.list_products(scope()).records) == 5
    simulator.clear_faults()
    simulator.add_fault(kind=kind, bytes=LIMIT + 1)
    with pytest.raises(BadPayload):
        client.list_products(scope())


def test_the_client_goes_away_at_the_limit(simulator: Simulator, make_client: MakeClient) -> None:
    sent: list[int] = []

    def answer(connection: socket.socket) -> None:
        connection.sendall(BYTES + b"Content-Length: 1000000000000\r\n\r\n")
        while True:
            sent.append(connection.send(b" " * 65_536))

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url, max_response_bytes=LIMIT)
        with pytest.raises(BadPayload):
            client.list_products(scope())
    assert sum(sent) < 16 * MEGABYTE, "more than socket buffers hold was taken"


def test_gzip_is_read_and_a_broken_one_is_not_taken_for_an_answer(
    simulator: Simulator, make_client: MakeClient
) -> None:
    packed = gzip.compress(b'{"products": [{"id": 5}]}')
    broken = packed[:12] + b"\xff\xff" + packed[14:]
    answers = iter([packed, broken, packed[:-12]])

    def answer(connection: socket.socket) -> None:
        connection.sendall(reply(next(answers), "Content-Encoding: gzip"))

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url)
        assert client.list_products(scope()).ids == (5,)
        for _ in range(2):
            with pytest.raises(TestioError):
                client.list_products(scope())
        client.close()
