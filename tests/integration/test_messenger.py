"""Notifications over real processes, a real webhook and a real database; hooks that misbehave."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from config.problems import SettingsError
from rules.events import RunClosed
from rules.model import ErrorKind, Problem, RunRequest, RunStatus, SyncResult, Trigger
from rules.notice import Notice, Sender, trial_notice
from rules.notifying import Event, Happening
from service.command_hook import CommandHook
from service.messenger import Messenger, NotDelivered
from storage.database import Database
from storage.errors import StorageError
from storage.notice_rows import NoticeRows
from testio.webhook import Webhook, WebhookFailed
from tests.conftest import wait_until
from tests.webhooks import PATH, Answers, plain
from tests.webhooks import web as web

SENDER = Sender(host="h", database="/d/testio.db", pid=1, version="0")
TRIAL = trial_notice(SENDER, datetime.now(UTC))


@dataclass
class Channel:
    """Keeps what it is given; `before` may raise or wait."""

    name: str = "fake"
    sent: list[Notice] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    closed: threading.Event = field(default_factory=threading.Event)

    def send(self, notice: Notice) -> None:
        self.before()
        self.sent.append(notice)

    def close(self) -> None:
        self.closed.set()

    def events(self) -> list[str]:
        return [notice.event.value for notice in self.sent]


@dataclass
class Memory:
    """A row of `settings`."""

    text: str | None = None
    broken: bool = False

    def recorded(self, channel: str) -> str | None:
        self._check()
        return self.text

    def note(self, channel: str, told: str | None) -> None:
        self._check()
        self.text = told

    def _check(self) -> None:
        if self.broken:
            raise StorageError("the disk is full")


def end_of(status: RunStatus, product_id: int = 18, run_id: int = 1) -> RunClosed:
    problem = Problem(kind=ErrorKind.TIMEOUT, message="late", product_id=product_id)
    return RunClosed(
        at=datetime.now(UTC),
        request=RunRequest(trigger=Trigger.SCHEDULE),
        result=SyncResult(
            run_id=run_id,
            status=status,
            trigger_source=Trigger.SCHEDULE,
            errors=() if status is RunStatus.SUCCESS else (problem,),
        ),
    )


Make = Callable[..., Messenger]


def told_before() -> str:
    """The memory of a channel that has told of a partial run."""
    memory, channel = Memory(), Channel()
    messenger = Messenger(channel, memory, SENDER, repeat_seconds=3600.0)
    messenger.start()
    messenger.ended(end_of(RunStatus.PARTIAL))
    messenger.stop(5.0)
    assert memory.text is not None
    return memory.text


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Messenger] = []

    def start(
        channel: Channel, memory: Memory | NoticeRows | None = None, **more: Any
    ) -> Messenger:
        messenger = Messenger(
            channel,
            memory or Memory(),
            SENDER,
            repeat_seconds=more.pop("repeat_seconds", 3600.0),
            pauses=more.pop("pauses", (0.01, 0.01)),
            **more,
        )
        messenger.start()
        made.append(messenger)
        return messenger

    yield start
    for messenger in made:
        messenger.stop(1.0)


def test_a_restart_neither_repeats_what_was_told_nor_forgets_the_recovery(
    make: Make, database: Database
) -> None:
    rows, before, after, last = NoticeRows(database), Channel(), Channel(), Channel()
    first = make(before, rows)
    first.ended(end_of(RunStatus.PARTIAL))
    first.stop(5.0)
    assert before.events() == ["run_partial"]
    second = make(after, rows)
    second.ended(end_of(RunStatus.PARTIAL))
    second.ended(end_of(RunStatus.SUCCESS))
    second.stop(5.0)
    assert after.events() == ["recovered"]
    assert after.sent[0].kept_back == 1
    third = make(last, rows)
    third.ended(end_of(RunStatus.SUCCESS))
    third.stop(5.0)
    assert last.sent == []
    assert rows.recorded("fake") is None


def test_a_hook_that_hangs_delays_nobody_and_the_queue_is_bounded(make: Make) -> None:
    reached, channel = threading.Event(), Channel()

    def hang() -> None:
        reached.set()
        channel.closed.wait(10)
        raise NotDelivered("cut")

    channel.before = hang
    messenger = make(channel)
    messenger.ended(end_of(RunStatus.FAILED))
    assert reached.wait(5)
    began = time.monotonic()
    for number in range(10_000):
        messenger.ended(end_of(RunStatus.FAILED, product_id=number + 1))
    assert time.monotonic() - began < 5
    assert len(messenger._waiting) <= 100
    began = time.monotonic()
    messenger.stop(0.2)
    assert time.monotonic() - began < 2
    assert channel.closed.is_set()


def test_what_nobody_took_is_decided_anew_with_the_next_end(make: Make) -> None:
    tries, counted = [], []

    def fail_four_times() -> None:
        tries.append(1)
        if len(tries) <= 4:
            raise NotDelivered("no")

    channel = Channel(before=fail_four_times)
    messenger = make(channel, count=lambda _channel, result: counted.append(result))
    messenger.ended(end_of(RunStatus.FAILED, run_id=1))
    wait_until(lambda: counted == ["failed"], what="giving up on the first one")
    assert len(tries) == 3, "a bounded number of times"
    messenger.ended(end_of(RunStatus.FAILED, run_id=2))
    wait_until(lambda: counted == ["failed", "delivered"], what="the second one")
    assert [notice.run_id for notice in channel.sent] == [2]
    messenger.ended(end_of(RunStatus.FAILED, run_id=3))
    wait_until(lambda: counted[2:] == ["kept_back"], what="keeping the third one back")


def test_a_memory_that_cannot_be_used_stops_nothing(make: Make) -> None:
    channel = Channel()
    messenger = make(channel, Memory(broken=True))
    for status in (RunStatus.FAILED, RunStatus.FAILED, RunStatus.SUCCESS):
        messenger.ended(end_of(status))
    wait_until(lambda: channel.events() == ["run_failed", "recovered"], what="both")


def test_giving_up_is_told_before_the_end(make: Make) -> None:
    channel = Channel()
    messenger = make(channel)
    now = Happening(at=datetime.now(UTC), status=None, trouble=Event.GAVE_UP)
    messenger.trouble(now, "too many restarts")
    messenger.stop(5.0)
    assert channel.events() == ["gave_up"]
    assert "too many restarts" in channel.sent[0].text


# -- the command ---------------------------------------------------------------------------------


def script(folder: Path, text: str) -> str:
    path = folder / "a hook.sh"
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return f"'{path}'"


def test_the_command_gets_json_and_variables_but_no_secret_and_no_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTIO_CUSTOMER_API_TOKEN", "s3cret-token")
    monkeypatch.setenv("TESTIO_NOTIFY_WEBHOOK_URL", "https://chat.example/s3cret")
    out = tmp_path / "out"
    command = script(tmp_path, f'cat > {out}.json; env > {out}.env; printf %s "$1" > {out}.word')
    CommandHook(f"{command} '$HOME; ls'", timeout_seconds=5).send(TRIAL)
    assert json.loads(Path(f"{out}.json").read_text())["event"] == "test"
    environment = Path(f"{out}.env").read_text()
    assert "TESTIO_NOTIFY_EVENT=test\n" in environment
    assert "s3cret" not in environment
    assert Path(f"{out}.word").read_text() == "$HOME; ls"


def test_a_command_that_hangs_is_killed_with_all_that_it_has_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    hook = CommandHook(
        script(tmp_path, f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait"),
        timeout_seconds=0.5,
    )
    with pytest.raises(NotDelivered, match="was killed"):
        hook.send(TRIAL)
    wait_until(lambda: not any(map(is_running, pids.read_text().split())), what="their end")


def is_running(pid: str) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 3", "status 3"),
        ("echo 'no such room' >&2; exit 1", "no such room"),
        ("kill -9 $$", "signal 9"),
        ("exec 0<&-; exit 7", "status 7"),
    ],
)
def test_a_command_that_fails_says_why(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(NotDelivered, match=said):
        CommandHook(script(tmp_path, text), timeout_seconds=5).send(TRIAL)


def test_a_command_that_is_not_there_is_a_problem_of_the_settings() -> None:
    with pytest.raises(SettingsError, match="no program /no/such"):
        CommandHook("/no/such --flag", timeout_seconds=1)


def test_a_command_that_closes_its_input_is_no_failure(tmp_path: Path) -> None:
    CommandHook(script(tmp_path, "exec 0<&-"), timeout_seconds=5).send(TRIAL)


# -- the webhook ---------------------------------------------------------------------------------


@pytest.fixture
def post(web: Answers) -> Iterator[Callable[[], None]]:
    webhook = Webhook(web.url, timeout_seconds=0.5)
    yield lambda: webhook.post(b'{"event": "test"}')
    webhook.close()


def test_the_document_is_posted_as_json_without_a_token(
    web: Answers, post: Callable[[], None]
) -> None:
    post()
    ((path, headers, body),) = web.requests
    assert (path, body) == (PATH, b'{"event": "test"}')
    assert headers["Content-Type"] == "application/json"
    assert "Authorization" not in headers


def test_cookies_are_not_kept_and_redirects_not_followed(
    web: Answers, post: Callable[[], None]
) -> None:
    web.answer = lambda handler: plain(handler, 302, Location=web.url, Set_Cookie="a=b")
    for _ in range(2):
        with pytest.raises(WebhookFailed, match="302; redirects are not followed"):
            post()
    assert [("Cookie" in headers) for _, headers, _ in web.requests] == [False, False]


@pytest.mark.parametrize("status", [400, 404, 500])
def test_what_was_not_taken_is_a_failure(
    web: Answers, post: Callable[[], None], status: int
) -> None:
    web.answer = lambda handler: plain(handler, status)
    with pytest.raises(WebhookFailed, match=str(status)) as caught:
        post()
    assert "s3cret" not in str(caught.value)


def test_a_server_that_drips_is_cut_at_the_deadline(web: Answers, post: Callable[[], None]) -> None:
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        try:
            while not over.wait(0.05):
                handler.wfile.write(b"H")
                handler.wfile.flush()
        except OSError:
            handler.close_connection = True

    web.answer = drip
    began = time.monotonic()
    try:
        with pytest.raises(WebhookFailed, match="no answer within"):
            post()
        assert time.monotonic() - began < 2
    finally:
        over.set()


def test_nobody_there_is_a_failure_that_does_not_name_the_url() -> None:
    webhook = Webhook("http://127.0.0.1:1/hooks/s3cret", timeout_seconds=1)
    with pytest.raises(WebhookFailed, match="not reached") as caught:
        webhook.post(b"{}")
    assert "s3cret" not in str(caught.value)
    webhook.close()


def test_a_proxy_of_the_environment_is_not_asked(
    web: Answers, post: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert os.environ["http_proxy"]
    post()
    assert len(web.requests) == 1


def test_a_memory_that_cannot_be_read_at_the_start_is_read_later(make: Make) -> None:
    channel, memory = Channel(), Memory(text=told_before(), broken=True)
    messenger = make(channel, memory)
    messenger.ended(end_of(RunStatus.CANCELLED))
    messenger.ended(end_of(RunStatus.CANCELLED))
    memory.broken = False
    messenger.ended(end_of(RunStatus.SUCCESS))
    messenger.stop(5.0)
    assert channel.events() == ["recovered"]
    assert memory.text is None


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Event.CANNOT_WRITE, "cannot write to its database: the disk is full"),
        (Event.RUN_INTERRUPTED, "a run was killed before its end"),
        (Event.GAVE_UP, "the daemon gives up: the disk is full"),
    ],
)
def test_trouble_beside_the_end_of_a_run_is_told_and_its_end_as_well(
    make: Make, event: Event, words: str
) -> None:
    channel = Channel()
    messenger = make(channel, Memory())
    for _ in range(2):
        now = Happening(at=datetime.now(UTC), status=None, trouble=event)
        messenger.trouble(now, "the disk is full")
    messenger.ended(end_of(RunStatus.SUCCESS))
    messenger.stop(5.0)
    assert channel.events() == [event.value, "recovered"]
    assert words in channel.sent[0].text
    assert "What to do:" in channel.sent[0].text


def test_an_address_that_cannot_be_one_is_no_fault_of_the_daemon() -> None:
    for host in ("a..b", f"{'a' * 70}.example"):
        webhook = Webhook(f"https://{host}/x", timeout_seconds=1.0)
        with pytest.raises(WebhookFailed, match="not reached"):
            webhook.post(b"{}")
        webhook.close()


def test_a_hook_needs_no_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    monkeypatch.setenv("testio_customer_api_token", "a-secret-in-lower-case")
    script = tmp_path / "hook"
    script.write_text("#!/bin/sh\nenv >&2\nexit 3\n")
    script.chmod(0o755)
    hook = CommandHook(str(script), timeout_seconds=5.0)
    with pytest.raises(NotDelivered, match="ended with status 3: ") as failed:
        hook.send(TRIAL)
    assert "a-secret-in-lower-case" not in str(failed.value)
