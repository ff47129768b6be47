"""What the remote says of a failure is told, in a line that hurts nobody, and decides nothing."""

from __future__ import annotations

import base64
import gzip
import html
import json
import socket
import textwrap
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from config.secrets import MASK
from simulator import Simulator
from testio.answers import error_of_status, redirect_host
from testio.client import TestioClient
from testio.errors import Cancelled, Forbidden, NotFound, ServerError, TestioError
from testio.limits import RequestScope, RetryBudget
from testio.said import LONGEST, said_in
from testio.transport import SAID_SECONDS
from tests.contract.test_guides import FIXTURES
from tests.contract.wire import Background, drip, raw_server, reply
from tests.token_forms import assert_nothing_of_the_token

MakeClient = Callable[..., TestioClient]
STATUSES = (400, 401, 403, 404, 410, 418, 422, 429, 500, 502, 503, 504, 524)
TOKEN = "s3cret/tok+en='and-more"
ECHOES = {TOKEN, quote(TOKEN), quote(TOKEN, safe=""), json.dumps(TOKEN)[1:-1]} | {
    base64.b64encode(before + TOKEN.encode()).decode() for before in (b"", b"x", b"xy")
}


def scope(retries: int = 0) -> RequestScope:
    return RequestScope(retries=RetryBudget(retries))


def failure(client: TestioClient) -> TestioError:
    with pytest.raises(TestioError) as caught:
        client.list_products(scope())
    return caught.value


def said(body: object, content_type: str = "application/json") -> str:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return said_in(raw, content_type, TOKEN).words


@pytest.mark.parametrize("status", STATUSES)
def test_the_words_stand_in_the_error_of_every_status(
    simulator: Simulator, make_client: MakeClient, status: int
) -> None:
    simulator.add_fault(
        kind="status", status=status, body='{"error": "API disabled for this account"}'
    )
    error = failure(make_client(simulator))
    assert "API disabled for this account" in str(error)
    assert f"({status})" in str(error)
    assert type(error) is type(error_of_status(status)), "the words decide nothing"


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503, 520, 524])
def test_a_page_of_html_is_a_gatekeepers(
    simulator: Simulator, make_client: MakeClient, status: int
) -> None:
    simulator.add_fault(kind="gatekeeper", status=status)
    error = failure(make_client(simulator))
    assert "gatekeeper" in str(error)
    assert ("Attention Required! | Cloudflare" in str(error)) is (status == 403)
    assert "may not see" not in str(error), "that would be the API's word"
    assert type(error) is type(error_of_status(status))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "no"}, "no"),
        ({"errors": ["a", "b", "a"]}, "a; b"),
        ({"message": "m", "status": 403}, "m"),
        ({"error": "Forbidden", "message": "API disabled"}, "Forbidden; API disabled"),
        ({"error": {"status": 500, "message": "it broke"}}, "it broke"),
        ({"errors": {"base": ["too many"], "page": ["is odd", "is low"]}},
         "too many; page: is odd; page: is low"),
        ({"errors": [{"message": "deep"}, {"detail": "x"}]}, "deep; detail: x"),
        ({"error": None, "errors": [], "message": 7}, ""),
        ({"products": ["not an error's word"]}, ""),
        ("a text", "a text"),
        (["a", "list"], "a; list"),
        (b"HTTP Token: Access denied.\n", "HTTP Token: Access denied."),
        (b"", ""),
        (b'{"error": "cut sho', ""),
        (b"\xff\xfe\x00garbage", ""),
        (7, ""),
        ({"error": [[[[[[["too deep"]]]]]]]}, ""),
        ({"errors": {"test_environment": {"password": "hunter2", "title": "t"}}},
         "test_environment: title: t"),
    ],
)  # fmt: skip
def test_texts_lists_and_what_is_nested_are_told(body: object, words: str) -> None:
    assert said(body) == words


def test_the_examples_of_the_vendor_are_told_whole() -> None:
    for path in sorted(FIXTURES.glob("error_*.json")):
        body = path.read_bytes()
        assert said(body) == json.loads(body)["error"]


def test_it_is_short_and_on_one_harmless_line() -> None:
    line = said({"error": "a\r\n\tb\x1b[2J\x07\u202ec\u2066d\u200be" + "x" * 1000})
    assert line.startswith(r"a b\x1b[2J\x07\u202ec\u2066d\u200bexxx")
    assert len(line) == LONGEST
    assert line.isprintable()
    page = b"<html><title>\x1b]0;gone\x07 &lt;b&gt; " + b"y" * 500 + b"</title>"
    title = said(page, "text/html")
    assert title.isprintable()
    assert title.startswith(r"\x1b]0;gone\x07 <b> yyy")
    assert len(title) <= 80


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(
    body=st.binary(max_size=300)
    | st.dictionaries(st.sampled_from(["error", "errors", "message"]), json_values).map(
        lambda value: json.dumps(value).encode()
    ),
    content_type=st.sampled_from(["application/json", "text/html", "", "text/plain"]),
)
def test_whatever_is_answered_the_line_is_short_and_harmless(
    body: bytes, content_type: str
) -> None:
    line = said_in(body, content_type, TOKEN).words
    assert len(line) <= LONGEST
    assert line == "" or line.isprintable()


@pytest.mark.parametrize("echo", sorted(ECHOES))
@pytest.mark.parametrize("before", ["", "x" * 60, "x" * (LONGEST - 5)])
def test_the_token_is_masked_in_any_form_before_anything_is_cut(echo: str, before: str) -> None:
    text = f"{before} {echo} behind"
    shown = {
        "json": said({"error": text}),
        "field": said({"errors": {text: "x"}}),
        "plain": said(text.encode()),
        "title": said(f"<title>{html.escape(text)}</title>".encode(), "text/html"),
    }
    assert_nothing_of_the_token({k: v.encode() for k, v in shown.items()}, TOKEN)
    assert not [what for what, line in shown.items() if echo[2:8] in line], shown


@pytest.mark.parametrize(
    "echo",
    [
        "\n".join(textwrap.wrap(TOKEN, 5)),
        "\u200b".join(TOKEN),
        "\x1b[1m".join(TOKEN),
        TOKEN[:-2],
        "".join(f"%{ord(c):02X}" for c in TOKEN),
        "".join(f"&#{ord(c)};" for c in TOKEN),
        "".join(f"\\u{ord(c):04x}" for c in TOKEN),
        TOKEN.encode().hex().upper(),
        base64.encodebytes(b"user:" + TOKEN.encode()[:-3]).decode(),
    ],
)
def test_a_token_that_comes_back_in_pieces_is_masked(echo: str) -> None:
    shown = {
        "json": said({"error": f"bad token: {echo}"}),
        "field": said({"errors": {echo: "x"}}),
        "plain": said(f"x {echo}".encode()),
        "title": said(f"<title>{echo}</title>".encode(), "text/html"),
    }
    assert not [what for what, line in shown.items() if MASK not in line], shown
    assert not [what for what, line in shown.items() if "".join(echo.split())[4:12] in line], shown


def test_the_token_of_another_account_is_masked_where_it_shows() -> None:
    assert (
        said({"error": "no access with Token 0a1b2c3d4e5f6071"}) == f"no access with Token {MASK}"
    )


@pytest.mark.parametrize("piece", ["", "x"])
def test_a_redirect_to_a_host_made_of_the_token_is_not_named(piece: str) -> None:
    response = requests.Response()
    response.headers["Location"] = f"https://{piece}tok-1234-ABCDE.example/"
    assert redirect_host(response, "tok-1234-abcdef") == "?"


def test_a_token_that_the_remote_echoes_is_in_no_error(
    simulator: Simulator, make_client: MakeClient
) -> None:
    body = json.dumps({"error": f"bad token {simulator.token}"})
    simulator.add_fault(kind="status", status=401, body=body)
    assert "bad token [secret]" in str(failure(make_client(simulator)))


# -- bodies that cannot be read ------------------------------------------------------------------

HEAD = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
SILENT = HEAD % b"403 Forbidden" + b"Content-Length: 100\r\n\r\n"


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: 100\r\n\r\n{}",
        b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"Transfer-Encoding: chunked\r\n\r\n-1\r\nxxxx",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\r\n",
    ],
    ids=["cut short", "no gzip", "negative chunk", "bad chunk", "no length"],
)
def test_a_body_that_cannot_be_read_changes_nothing(
    simulator: Simulator, make_client: MakeClient, rest: bytes
) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(HEAD % b"404 Not Found" + rest)
        connection.shutdown(socket.SHUT_WR)

    with raw_server(answer) as server:
        error = failure(make_client(simulator, base_url=server.base_url))
    assert type(error) is NotFound
    assert str(error).startswith("the remote says there is no such thing (404)")


@pytest.mark.parametrize("dripping", [False, True])
def test_a_body_that_does_not_come_is_not_waited_for_long(
    simulator: Simulator, make_client: MakeClient, dripping: bool
) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(SILENT)
        if dripping:
            drip(connection, b"x" * 99, 0.2)

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url, timeout_seconds=30.0)
        began = time.monotonic()
        error = failure(client)
        seconds = time.monotonic() - began
        client.close()
    assert type(error) is Forbidden
    assert seconds <= SAID_SECONDS + 0.5


def test_the_deadline_of_the_request_holds_for_the_words_too(
    simulator: Simulator, make_client: MakeClient
) -> None:
    with raw_server(lambda connection: connection.sendall(SILENT)) as server:
        client = make_client(simulator, base_url=server.base_url, timeout_seconds=0.3)
        began = time.monotonic()
        assert type(failure(client)) is Forbidden
        assert time.monotonic() - began < 0.8
        client.close()


def test_cancelling_while_the_words_are_awaited_is_a_cancellation(
    simulator: Simulator, make_client: MakeClient
) -> None:
    with raw_server(lambda connection: connection.sendall(SILENT)) as server:
        client, run = make_client(simulator, base_url=server.base_url), scope()
        call = Background(lambda: client.list_products(run))
        time.sleep(0.3)
        run.cancellation.cancel()
        call.join(1.0)
        client.close()
    assert isinstance(call.error, Cancelled), repr(call.error)


def test_only_the_beginning_of_a_large_body_is_read(
    simulator: Simulator, make_client: MakeClient
) -> None:
    simulator.add_fault(kind="status", status=500, body='{"error": "small"}', times=1)
    simulator.add_fault(kind="huge", bytes=500_000_000)
    began = time.monotonic()
    assert type(failure(make_client(simulator))) is ServerError
    assert time.monotonic() - began < 1.0


def test_packed_words_are_unpacked_and_a_bomb_does_no_harm(
    simulator: Simulator, make_client: MakeClient
) -> None:
    packed = gzip.compress(b'{"error": "packed"}')
    bomb = gzip.compress(b'{"error": "' + b"x" * 50_000_000)
    bodies = iter([packed, bomb])

    def answer(connection: socket.socket) -> None:
        with_gzip = ("Content-Encoding: gzip", "Content-Type: application/json")
        connection.sendall(reply(next(bodies), *with_gzip, status="500 Oops"))

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url)
        assert str(failure(client)) == "the remote failed (500): packed"
        assert str(failure(client)) == "the remote failed (500)"
        client.close()


def test_a_connection_whose_error_was_read_serves_the_next_request(
    simulator: Simulator, make_client: MakeClient
) -> None:
    replies = iter([reply(b'{"error": "once"}', status="500 Oops"), reply(b'{"products": []}')])
    with raw_server(lambda connection: connection.sendall(next(replies))) as server:
        client = make_client(simulator, base_url=server.base_url)
        assert client.list_products(scope(retries=1)).records == ()
        client.close()
    assert server.connections == 1


# -- interim answers -----------------------------------------------------------------------------


@pytest.mark.parametrize("code", [102, 103, 199])
def test_an_interim_answer_is_no_error(
    simulator: Simulator, make_client: MakeClient, code: int
) -> None:
    simulator.add_fault(kind="interim", code=code)
    assert len(make_client(simulator).list_products(scope()).records) == 5
    simulator.add_fault(kind="status", status=404, body='{"error": "really"}')
    error = failure(make_client(simulator))
    assert str(error).startswith("the remote says there is no such thing (404): really")


def test_many_interim_answers_of_every_kind_end_with_the_real_one(
    simulator: Simulator, make_client: MakeClient
) -> None:
    def answer(connection: socket.socket) -> None:
        interim = [
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n",
        ]
        connection.sendall(b"".join(interim * 10) + reply(b'{"products": []}'))

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url)
        for _ in range(2):
            assert client.list_products(scope()).records == ()
        client.close()
    assert server.connections == 1


def test_interim_answers_for_ever_end_at_the_deadline(
    simulator: Simulator, make_client: MakeClient
) -> None:
    def answer(connection: socket.socket) -> None:
        hint: Any = b"HTTP/1.1 103 Early Hints\r\n\r\n"
        while True:
            connection.sendall(hint * 100)

    with raw_server(answer) as server:
        client = make_client(simulator, base_url=server.base_url, timeout_seconds=0.3)
        began = time.monotonic()
        failure(client)
        assert time.monotonic() - began < 1.0
        client.close()
