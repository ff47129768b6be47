"""The control socket over a real Unix socket: replies, bad input, waiting, closing."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from control.app import NotAnswered
from control.client import ControlClient, ControlError, NoDaemon, NotThere, TryAgain
from control.protocol import (
    ChoiceReply,
    DecisionReply,
    EventsReply,
    FetchBody,
    FetchedView,
    FetchReply,
    NoSuchEntry,
    ReloadReply,
    RetryReply,
    RunView,
    StartRunBody,
    StartRunReply,
    Word,
    WordReply,
)
from control.server import ControlServer, NoSocket
from control.views import DaemonView, HealthReply, RemoteView, StatusReply
from rules.admission import Admission
from rules.fetching import FetchState
from rules.model import BreakerState, Kind, RunStatus, SyncPhase, Trigger

STATUS = StatusReply(
    daemon=DaemonView(pid=1, started_at=datetime.now(UTC), version="1", socket="s"),
    current_run=None,
    queued_run_id=None,
    interval_seconds=900,
    paused=False,
    next_run_at=None,
    remote=RemoteView(
        results={},
        retries=0,
        in_flight=0,
        connections=10,
        requests_per_second=0,
        parked_seconds=0.0,
        breaker=BreakerState.CLOSED,
        open_seconds=0.0,
        last_failure="",
    ),
)


@dataclass
class Answers:
    """Handlers that note what they were asked."""

    asked: list[StartRunBody] = field(default_factory=list)
    fetches: list[FetchBody] = field(default_factory=list)
    fetch_waits: bool = False
    waits: list[float] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    broken: Exception | None = None
    healthy: bool = True

    def status(self) -> StatusReply:
        if self.broken is not None:
            raise self.broken
        return STATUS

    def health(self) -> HealthReply:
        if self.broken is not None:
            raise self.broken
        return HealthReply(
            healthy=self.healthy,
            reasons=[],
            warnings=[],
            at=datetime.now(UTC),
            database="testio.db",
            daemon=STATUS.daemon,
        )

    def metrics(self, accept: str) -> tuple[bytes, str]:
        return f"# {accept}\n".encode(), "text/plain; version=0.0.4"

    def start_run(self, body: StartRunBody) -> StartRunReply:
        self.asked.append(body)
        return StartRunReply(word=Admission.STARTED, run_id=7)

    def run(self, run_id: int, wait_seconds: float) -> RunView | None:
        if run_id != 7:
            return None
        return RunView(run_id=7, status=RunStatus.SUCCESS, trigger_source=Trigger.CLI)

    def cancel(self) -> WordReply:
        return WordReply(word=Word.NOTHING_TO_CANCEL)

    def events(
        self, since: int | None, run_id: int | None, limit: int, wait_seconds: float
    ) -> EventsReply:
        self.waits.append(wait_seconds)
        if wait_seconds:
            self.let_go.wait(wait_seconds)
        return EventsReply(events=[], last_id=since or 0)

    def fetch(self, body: FetchBody) -> FetchReply:
        self.fetches.append(body)
        if self.fetch_waits:
            self.let_go.wait(5.0)
        ids = body.product_ids or body.test_ids or [0]
        return FetchReply(outcomes=[FetchedView(id=key, state=FetchState.REFRESHED) for key in ids])

    def cancel_product(self, product_id: int) -> WordReply:
        return WordReply(word=Word.CANCELLING, run_id=product_id)

    def set_interval(self, seconds: float | None) -> ChoiceReply:
        return self._chosen(seconds)

    def set_concurrency(self, requests: int | None) -> ChoiceReply:
        return self._chosen(requests)

    def set_rate(self, per_second: int | None) -> ChoiceReply:
        return self._chosen(per_second)

    def _chosen(self, value: float | None) -> ChoiceReply:
        chosen = value is not None
        return ChoiceReply(word=Word.CHANGED, value=value or 0, before=1, chosen=chosen)

    def reload(self) -> ReloadReply:
        if self.broken is not None:
            raise self.broken
        return ReloadReply(word=Word.RELOADED, changed=["LOG_LEVEL"], needs_restart=[])

    def pause(self, seconds: float | None) -> WordReply:
        return WordReply(word=Word.PAUSED)

    def resume(self) -> WordReply:
        return WordReply(word=Word.RESUMED)

    def accept_deletions(self, held_id: int) -> DecisionReply:
        if held_id != 3:
            raise NoSuchEntry(f"no deletions are held under the id {held_id}")
        return DecisionReply(word=Word.ACCEPTED, id=held_id, product_id=18, kind=Kind.TESTS, rows=2)

    def retry_problems(self, ids: list[int] | None) -> RetryReply:
        return RetryReply(word=Word.RETRYING, ids=ids or [1, 2], run_id=7)

    def clear_problem(self, entry_id: int) -> DecisionReply:
        return DecisionReply(word=Word.CLEARED, id=entry_id, product_id=18, kind=Kind.TESTS)

    def drain(self) -> WordReply:
        return WordReply(word=Word.STOPPING)


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def server(tmp_path: Path, answers: Answers) -> Iterator[ControlServer]:
    made = ControlServer(tmp_path / "control" / "socket", answers)
    made.start()
    yield made
    answers.let_go.set()
    made.stop()


@pytest.fixture
def client(server: ControlServer) -> ControlClient:
    return ControlClient(server.path)


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
    answers.broken = NotAnswered("not now")
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


def test_a_body_over_the_limit_is_refused(server: ControlServer) -> None:
    connection = http.client.HTTPConnection("sync", timeout=5)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(server.path))
    connection.putrequest("POST", "/v1/runs")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_an_actor_that_does_not_answer_is_503_and_a_bug_is_500(
    client: ControlClient, answers: Answers
) -> None:
    answers.broken = NotAnswered("the coordinator did not answer; try again")
    with pytest.raises(ControlError, match="try again"):
        client.status()
    answers.broken = RuntimeError("a bug")
    with pytest.raises(ControlError, match="see its log"):
        client.status()


def test_waiting_requests_never_use_up_the_threads(
    server: ControlServer, client: ControlClient, answers: Answers
) -> None:
    def follow() -> None:
        client.events(since=0, wait_seconds=20)

    followers = [threading.Thread(target=follow) for _ in range(12)]
    for thread in followers:
        thread.start()
    give_up_at = time.monotonic() + 5
    while len(answers.waits) < 12 and time.monotonic() < give_up_at:
        time.sleep(0.01)
    began = time.monotonic()
    assert client.status() == STATUS
    assert time.monotonic() - began < 1.0
    assert sorted(answers.waits) == [0.0] * 10 + [20.0] * 2, "two wait, the others are answered"
    answers.let_go.set()
    for thread in followers:
        thread.join(timeout=5)


def test_stopping_removes_the_socket_and_holds_nobody_up(
    server: ControlServer, client: ControlClient, answers: Answers
) -> None:
    def follow() -> None:
        with contextlib.suppress(NoDaemon):  # it depends on the moment whether it is answered
            client.events(since=0, wait_seconds=20)

    follower = threading.Thread(target=follow)
    follower.start()
    give_up_at = time.monotonic() + 5
    while not answers.waits and time.monotonic() < give_up_at:
        time.sleep(0.01)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 4
    assert not server.path.exists()
    with pytest.raises(NoDaemon):
        client.status()
    answers.let_go.set()
    follower.join(timeout=5)
    assert not follower.is_alive()


def test_random_bytes_do_no_harm(server: ControlServer, client: ControlClient) -> None:
    for noise in (b"\x00" * 200, b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50, b"A" * 40_000):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(server.path))
            connection.sendall(noise)
    assert client.status() == STATUS


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, answers: Answers) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(NoSocket, match="chmod 700"):
        ControlServer(folder / "socket", answers).start()


def test_a_symlink_in_the_way_is_refused(tmp_path: Path, answers: Answers) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    (folder / "socket").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoSocket, match="is not a socket"):
        ControlServer(folder / "socket", answers).start()
    assert not (tmp_path / "elsewhere").exists()


# -- decisions ---------------------------------------------------------------------------------


def test_decisions_are_carried_out(client: ControlClient) -> None:
    assert client.accept_deletions(3).rows == 2
    assert client.clear_problem(5).id == 5
    assert client.retry_problems([4, 7]).ids == [4, 7]
    assert client.retry_problems(None).run_id == 7


def test_what_is_not_there_to_decide_on(client: ControlClient) -> None:
    with pytest.raises(NotThere, match="no deletions are held under the id 4"):
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
    with pytest.raises(TryAgain, match="other fetches are under way"):
        client.fetch(body)
    assert client.status() == STATUS
    answers.let_go.set()
    for thread in waiting:
        thread.join(5.0)
    assert client.fetch(body).outcomes[0].id == 0
