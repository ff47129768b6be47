"""Requests with `If-None-Match`, over real HTTP."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from rules.windows import Window
from simulator import Simulator
from testio.client import TestioClient
from testio.errors import BadPayload, NotModified
from testio.limits import RequestScope, RetryBudget
from tests.contract.wire import raw_server, reply

MakeClient = Callable[..., TestioClient]
MakeSimulator = Callable[..., Simulator]

WINDOW = Window(page=1, per_page=25)


def scope(retries: int = 0) -> RequestScope:
    return RequestScope(retries=RetryBudget(retries))


def test_an_answer_has_a_tag_and_is_not_sent_again_while_that_holds(
    make_simulator: MakeSimulator, make_client: MakeClient
) -> None:
    simulator = make_simulator(products=2, features=3, tests=40, section_products=0, etags=True)
    client, product_id = make_client(simulator), simulator.account()["products"][0]["id"]
    asks = (
        lambda etag: client.list_products(scope(), etag=etag),
        lambda etag: client.list_features(product_id, scope(), etag=etag),
        lambda etag: client.list_tests(product_id, WINDOW, scope(), etag=etag),
    )
    tags = []
    for ask in asks:
        rows = ask(None)
        assert rows.records
        assert rows.etag is not None
        assert rows.etag.startswith('W/"'), "weak ones go back as they came"
        with pytest.raises(NotModified):
            ask(rows.etag)
        tags.append(rows.etag)
    assert [line.status for line in simulator.requests()] == [200, 304] * 3
    assert dict(client.state().results) == {"ok": 6}, "a 304 is a success"
    first = simulator.account()["tests"][str(product_id)][0]["id"]
    simulator.mutate("change", "test", id=first, fields={"title": "another"})
    again = asks[2](tags[2])
    assert again.records[0].title == "another"
    assert again.etag not in (None, tags[2])


def test_without_a_tag_nothing_conditional_is_sent_and_a_304_is_an_error(
    simulator: Simulator, make_client: MakeClient
) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(reply(b"", 'ETag: "a"', status="304 Not Modified"))

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url)
        with pytest.raises(BadPayload, match="304"):
            client.list_products(scope())
        with pytest.raises(NotModified):
            client.list_products(scope(), etag='"a"')
        client.close()
    plain, conditional = server.heads
    assert b"if-none-match" not in plain.lower()
    assert b'\r\nIf-None-Match: "a"' in conditional


def test_a_304_leaves_the_connection_for_the_next_request(
    simulator: Simulator, make_client: MakeClient
) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url)
        for _ in range(3):
            with pytest.raises(NotModified):
                client.list_products(scope(), etag='"a"')
        client.close()
    assert (len(server.heads), server.connections) == (3, 1)


def test_a_retry_asks_under_the_same_condition(
    make_simulator: MakeSimulator, make_client: MakeClient
) -> None:
    simulator = make_simulator(products=1, tests=1, etags=True)
    client = make_client(simulator)
    etag = client.list_products(scope()).etag
    simulator.add_fault(kind="status", status=500, times=1)
    with pytest.raises(NotModified):
        client.list_products(scope(retries=3), etag=etag)
    assert [line.status for line in simulator.requests()] == [200, 500, 304]


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("ETag: *",),
        ("ETag: unquoted",),
        ('ETag: "a"', 'ETag: "b"'),
        (f'ETag: "{"x" * 600}"',),
        ('ETag: "\xe4"',),
    ],
)
def test_absurd_tags_are_as_good_as_none(
    simulator: Simulator, make_client: MakeClient, headers: tuple[str, ...]
) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(reply(b'{"products": []}', *headers))

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url)
        assert client.list_products(scope()).etag is None
        client.close()
