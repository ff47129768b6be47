"""A remote that tells the token back: it is in no record, no excerpt, no reason and no page tag."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from simulator import Simulator
from testio.client import TestioClient
from testio.limits import RequestScope, RetryBudget
from testio.said import without_token
from tests.contract.wire import raw_server, reply
from tests.token_forms import assert_nothing_of_the_token

MakeClient = Callable[..., TestioClient]


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
