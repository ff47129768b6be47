"""A remote that tells the token back: it is in no record, no excerpt, no reason and no page tag."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from config.pieces import without_pieces
from config.secrets import MASK, Redactor
from simulator import Simulator
from testio import errors, payloads
from testio.client import TestioClient
from testio.errors import BadPayload
from testio.limits import RequestScope, RetryBudget
from testio.said import without_token
from tests.contract.wire import raw_server, reply
from tests.token_forms import assert_nothing_of_the_token

MakeClient = Callable[..., TestioClient]
TOKEN = "tok-1234-abcdef"


def echoing(token: str) -> bytes:
    """Products that could be stored and such that could not, each with the token in every form."""
    rows = []
    echoes = {token, quote(token), quote(token, safe=""), repr(token)} | {
        base64.b64encode(before + token.encode()).decode() for before in (b"", b"x", b"xy")
    }
    for number, form in enumerate(sorted(echoes)):
        text = f"of {form}!"
        rows.append({"id": number + 1, "name": text})
        rows.append({"id": text, "name": text})
        rows.append({"id": number + 1000, "name": {text: text}})
    return json.dumps({"products": rows}).encode()


def test_what_comes_back_is_masked_before_anybody_reads_it(
    simulator: Simulator, make_client: MakeClient
) -> None:
    token = simulator.token
    answer = reply(echoing(token))
    with raw_server(lambda connection: connection.sendall(answer)) as server:
        client = make_client(simulator, base_url=server.base_url)
        rows = client.list_products(RequestScope(retries=RetryBudget(0)))
        client.close()
    assert len(rows.records) >= 4
    assert len(rows.bad_rows) >= 8
    assert "[secret]" in repr(rows)
    assert_nothing_of_the_token({"the rows": repr(rows).encode()}, token)


@pytest.mark.parametrize("token", ["tok-en-4711", "a/b+c=d'e\"f\\g"])
def test_an_answer_stays_the_json_that_it_is(token: str) -> None:
    answer = json.dumps({"title": f"a {token} b", "n": [1.5, None]}).encode()
    assert json.loads(without_token(answer, token)) == {"title": "a [secret] b", "n": [1.5, None]}


def test_a_token_of_digits_spoils_no_id() -> None:
    assert without_token(b'{"id": 12345678}', "12345678") == b'{"id": 12345678}'


@pytest.fixture
def known_token(monkeypatch: pytest.MonkeyPatch) -> str:
    """A token that this process knows, as the one that it was given."""
    known = Redactor()
    known.add_token(TOKEN)
    for module in (errors, payloads):
        monkeypatch.setattr(module, "REDACTOR", known)
    return TOKEN


PIECES = ("\u200b".join(TOKEN), "".join(f"%{ord(c):02x}" for c in TOKEN), TOKEN[:-2])


@pytest.mark.parametrize("echo", PIECES)
def test_what_is_told_of_a_record_or_an_answer_holds_no_pieces_of_the_token(
    known_token: str, echo: str
) -> None:
    rows = payloads.products(
        json.dumps({"products": [{"id": echo}, {"id": 1, "name": {}}]}).encode()
    )
    told = [*(row.reason for row in rows.bad_rows), *(row.excerpt for row in rows.bad_rows)]
    for body in (echo.encode(), json.dumps({echo: 1}).encode()):
        with pytest.raises(BadPayload) as caught:
            payloads.products(body)
        told.append(str(caught.value))
    assert not [text for text in told if without_pieces(text, known_token, MASK) != text], told
    assert sum(MASK in text for text in told) >= 3
