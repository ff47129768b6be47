"""Statuses as errors with types, and what the client does not do: follow, keep, or look around."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator import Simulator
from testio.client import TestioClient
from testio.errors import (
    BadPayload,
    Forbidden,
    NotFound,
    RateLimited,
    RequestRefused,
    ServerError,
    TestioError,
    Timeout,
    Unauthorized,
)
from testio.limits import RequestScope, RetryBudget
from tests.contract.wire import raw_server, reply

MakeClient = Callable[..., TestioClient]
MakeSimulator = Callable[..., Simulator]


def scope(retries: int = 0) -> RequestScope:
    return RequestScope(retries=RetryBudget(retries))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, RequestRefused),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (410, NotFound),
        (418, RequestRefused),
        (422, RequestRefused),
        (429, RateLimited),
        (500, ServerError),
        (502, ServerError),
        (503, ServerError),
        (504, Timeout),
        (524, Timeout),
    ],
)
def test_each_status_has_its_error(
    simulator: Simulator, make_client: MakeClient, status: int, error: type[TestioError]
) -> None:
    body = '{"error": "id 500 does not exist, 404 not found, 429"}'
    simulator.add_fault(kind="status", status=status, body=body)
    with pytest.raises(TestioError) as caught:
        make_client(simulator).list_products(scope())
    assert type(caught.value) is error, f"{status} became {caught.value!r}"
    assert simulator.token not in repr(caught.value)


def test_a_wrong_token_is_refused_and_never_shown(
    simulator: Simulator, make_client: MakeClient
) -> None:
    client = make_client(simulator, token=lambda: "wrong-token-1234")
    with pytest.raises(Unauthorized) as caught:
        client.list_products(scope())
    assert "wrong-token-1234" not in f"{caught.value!r}{caught.value.__cause__!r}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_nothing_is_sent_to_the_other_host(
    make_simulator: MakeSimulator, make_client: MakeClient, status: int
) -> None:
    simulator, other = make_simulator(products=1), make_simulator(products=1)
    target = f"{other.base_url}/products?key=secret".replace("127.0.0.1", "localhost")
    simulator.add_fault(kind="redirect", location=target, status=status)
    with pytest.raises(BadPayload) as caught:
        make_client(simulator).list_products(scope(retries=5))
    assert other.requests() == []
    assert len(simulator.requests()) == 1, "a redirect is not retried"
    assert "'localhost'" in str(caught.value), "the error names the host"
    assert "key=secret" not in str(caught.value), "and only the host"


def test_nothing_is_asked_for_under_a_condition_and_a_304_is_a_bad_payload(
    simulator: Simulator, make_client: MakeClient
) -> None:
    answers = iter((reply(b'{"products": []}', 'ETag: "a"'), reply(b"", status="304 Not Modified")))
    with raw_server(lambda connection: connection.sendall(next(answers))) as server:
        client = make_client(simulator, base_url=server.base_url)
        assert client.list_products(scope()).records == ()
        with pytest.raises(BadPayload, match="304"):
            client.list_products(scope(retries=5))
        client.close()
    assert len(server.heads) == 2, "it is not retried"
    assert not any(b"\r\nif-" in head.lower() for head in server.heads)


@pytest.mark.parametrize("location", ["", "/elsewhere", "http://[bad", "http://a:b", "\\\\", "x:"])
def test_a_redirect_to_nonsense_is_a_bad_payload_too(
    simulator: Simulator, make_client: MakeClient, location: str
) -> None:
    simulator.add_fault(kind="redirect", location=location)
    with pytest.raises(BadPayload):
        make_client(simulator).list_products(scope())


def test_no_cookie_is_kept(simulator: Simulator, make_client: MakeClient) -> None:
    def answer(connection: socket.socket) -> None:
        cookies = ("Set-Cookie: session=1; Path=/", "Set-Cookie: b=2; Domain=127.0.0.1; Path=/")
        connection.sendall(reply(b'{"products": []}', *cookies))

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url)
        for _ in range(2):
            assert client.list_products(scope()).records == ()
        client.close()
    assert len(server.heads) == 2
    assert server.connections == 1, "the connection should be used again"
    for head in server.heads:
        assert b"\r\ncookie:" not in head.lower(), head.decode()
        assert b"\r\nAuthorization: Token demo-token" in head


def test_proxies_and_passwords_of_the_environment_are_ignored(
    simulator: Simulator,
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dead = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, dead)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert make_client(simulator).list_products(scope()).records


def test_plain_http_never_goes_by_way_of_a_proxy(
    simulator: Simulator, make_client: MakeClient
) -> None:
    """It goes to this machine alone; a proxy elsewhere would read the token on the way."""
    with raw_server(lambda _connection: None) as proxy:
        client = make_client(simulator, proxy_url=proxy.base_url)
        assert client.list_products(scope()).records
        assert proxy.connections == 0
