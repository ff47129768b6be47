"""The control API over a real Unix socket: replies, bad input, decisions, fetches."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from control.client import ControlClient
from control.endpoints import ENDPOINTS
from control.errors import ControlError, NoSuchEntry, TryAgain
from control.protocol import FetchBody, StartRunBody, Word
from control.server import ControlServer
from rules.mirror.fetching import FetchState
from rules.model import Kind, RunStatus, SyncPhase, Trigger
from service.daemon.control_handlers import ControlHandlers
from tests.control_answers import STATUS, Answers


def raw(path: Path, method: str, target: str, body: bytes | None = None) -> tuple[int, Any]:
    """A request as any program could send it."""
    connection = http.client.HTTPConnection("sync", timeout=5)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(path))
    try:
        connection.request(method, target, body=body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_both_ends_speak_the_same_types(client: ControlClient, answers: Answers) -> None:
    assert client.status() == STATUS
    body = StartRunBody(phases=[SyncPhase.FEATURES], product_ids=[4], trigger_source=Trigger.CLI)
    assert client.start_run(body).run_id == 7
    assert answers.asked == [body]
    assert client.run(7).status is RunStatus.SUCCESS
    assert client.cancel().word is Word.NOTHING_TO_CANCEL
    assert client.pause().word is Word.PAUSED
    assert client.resume().word is Word.RESUMED
    assert client.drain().word is Word.STOPPING
    assert client.events(since=5).last_id == 5


def test_health_has_the_same_body_whatever_its_status(
    client: ControlClient, server: ControlServer, answers: Answers
) -> None:
    for healthy, status in ((True, 200), (False, 503)):
        answers.healthy = healthy
        assert raw(server.path, "GET", "/v1/health")[0] == status
        assert client.health().healthy is healthy
    answers.broken = TryAgain("not now")
    with pytest.raises(TryAgain, match="not now"):
        client.health()


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "says"),
    [
        ("POST", "/v1/runs", b"{", 400, "the body"),
        ("POST", "/v1/runs", b'{"phase": []}', 400, "phase"),
        ("POST", "/v1/runs", b'{"phases": ["bugs"]}', 400, "phases.0"),
        ("POST", "/v1/runs", b'{"phases": []}', 400, "phases"),
        ("POST", "/v1/runs", b'{"product_ids": ["18"]}', 400, "product_ids.0"),
        ("POST", "/v1/runs", b'{"product_ids": [true]}', 400, "product_ids.0"),
        ("POST", "/v1/runs", b'{"product_ids": [0]}', 400, "product_ids.0"),
        ("POST", "/v1/runs", b"[" * 5000, 400, "the body"),
        ("POST", "/v1/runs", b"\xff\xfe", 400, "the body"),
        ("GET", "/v1/events?since=x", None, 400, "since"),
        ("GET", "/v1/events?limit=1001", None, 400, "limit"),
        ("GET", f"/v1/events?since={'0' * 20}{'9' * 20}", None, 400, "since"),
        ("GET", f"/v1/events?since={'0' * 5000}", None, 400, "since"),
        ("GET", "//v1//status", None, 404, "docs/control-api.md"),
        ("GET", "/v1/events?limit=0", None, 400, "limit"),
        ("GET", "/v1/runs/7?wait=21", None, 400, "wait"),
        ("GET", "/v1/runs/8", None, 404, "no run 8"),
        ("GET", "/v1/nothing", None, 404, ""),
        ("GET", "/v1/runs", None, 405, ""),
        ("DELETE", "/v1/status", None, 405, ""),
    ],
)
def test_bad_input_is_refused_and_named(
    server: ControlServer, method: str, target: str, body: bytes | None, status: int, says: str
) -> None:
    answered, reply = raw(server.path, method, target, body)
    assert answered == status, reply
    assert says in reply["error"]


def test_an_actor_that_does_not_answer_is_503_and_a_bug_is_500(
    client: ControlClient, answers: Answers
) -> None:
    answers.broken = TryAgain("the coordinator did not answer; try again")
    with pytest.raises(ControlError, match="try again"):
        client.status()
    answers.broken = RuntimeError("a bug")
    with pytest.raises(ControlError, match="see its log"):
        client.status()


# -- decisions ---------------------------------------------------------------------------------


def test_decisions_are_carried_out(client: ControlClient) -> None:
    assert client.accept_deletions(3).rows == 2
    assert client.clear_problem(5).id == 5
    assert client.retry_problems([4, 7]).ids == [4, 7]
    assert client.retry_problems(None).run_id == 7


def test_what_is_not_there_to_decide_on(client: ControlClient) -> None:
    with pytest.raises(NoSuchEntry, match="no deletions are held under the id 4"):
        client.accept_deletions(4)


@pytest.mark.parametrize("body", [b'{"ids": []}', b'{"ids": ["1"]}', b'{"ids": [0]}', b'{"id": 1}'])
def test_a_retry_names_ids_or_nothing(server: ControlServer, body: bytes) -> None:
    status, answer = raw(server.path, "POST", "/v1/problems/retry", body)
    assert status == 400
    assert "id" in answer["error"]


def test_a_fetch_is_asked_for_by_the_right_ids(client: ControlClient, answers: Answers) -> None:
    body = FetchBody(kind=Kind.FEATURES, product_ids=[18, 42], not_before=datetime.now(UTC))
    reply = client.fetch(body)
    assert answers.fetches == [body]
    assert [(view.id, view.state) for view in reply.outcomes] == [
        (18, FetchState.REFRESHED),
        (42, FetchState.REFRESHED),
    ]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"kind": "features"}, "features are fetched by product_ids"),
        ({"kind": "features", "test_ids": [1]}, "features are fetched by product_ids"),
        ({"kind": "bugs", "product_ids": [1]}, "bugs are fetched by test_ids"),
        ({"kind": "products", "product_ids": [1]}, "products are fetched by no ids"),
        ({"kind": "tests", "product_ids": [1], "test_ids": [1]}, "tests are fetched by product"),
        ({"kind": "tests", "test_ids": []}, "test_ids"),
        ({"kind": "tests", "test_ids": [0]}, "test_ids.0"),
        ({"kind": "tests", "test_ids": list(range(1, 1002))}, "test_ids"),
        ({"kind": "tests", "test_ids": [1], "not_before": "2026-01-31T00:00:00"}, "not_before"),
        ({"kind": "stories"}, "kind"),
    ],
)
def test_a_bad_fetch_is_refused_by_name(
    server: ControlServer, answers: Answers, body: dict[str, Any], named: str
) -> None:
    body = {"not_before": "2026-01-31T00:00:00Z", **body}
    status, answer = raw(server.path, "POST", "/v1/fetch", json.dumps(body).encode())
    assert status == 400
    assert named in answer["error"]
    assert answers.fetches == []


def test_too_many_fetches_at_once_are_put_off_and_leave_room_for_status(
    client: ControlClient, answers: Answers
) -> None:
    answers.fetch_waits = True
    body = FetchBody(kind=Kind.PRODUCTS, not_before=datetime.now(UTC))
    waiting = [threading.Thread(target=client.fetch, args=[body]) for _ in range(2)]
    for thread in waiting:
        thread.start()
    give_up_at = time.monotonic() + 5.0
    while len(answers.fetches) < 2 and time.monotonic() < give_up_at:
        time.sleep(0.01)
    with pytest.raises(TryAgain, match="2 requests like it are under way"):
        client.fetch(body)
    assert client.status() == STATUS
    answers.let_go.set()
    for thread in waiting:
        thread.join(5.0)
    assert client.fetch(body).outcomes[0].id == 0


def test_each_request_has_its_handler() -> None:
    """What is declared is all that there is: names of what is given, body and reply."""
    for endpoint in ENDPOINTS:
        handler = getattr(ControlHandlers, endpoint.name)
        hints = get_type_hints(handler)
        given = {number.name for number in endpoint.query}
        given |= set() if endpoint.place is None else {endpoint.place.name}
        if endpoint.reply is None:
            assert set(hints) == {"accept", "return"} | given, endpoint.name
            continue
        assert hints.pop("return") is endpoint.reply, endpoint.name
        assert hints.pop("body", None) is endpoint.body, endpoint.name
        assert set(hints) == given, endpoint.name
