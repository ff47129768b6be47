"""The two ways of a notification: a real process, a real webhook; and how they misbehave."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from config.problems import SettingsError
from config.secrets import REDACTOR
from rules.diagnosis.notice import Sender, trial_notice
from service.monitoring.command_hook import CommandHook
from service.monitoring.messenger import NotDelivered
from testio.webhook import Webhook, WebhookFailed
from tests.conftest import wait_until
from tests.webhooks import PATH, Answers, plain
from tests.webhooks import web as web

SENDER = Sender(host="h", database="/d/testio.db", pid=1, version="0")
TRIAL = trial_notice(SENDER, datetime.now(UTC))


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


@pytest.mark.parametrize(
    "rest",
    [
        "/hooks/r\u00f6om of s3cret|x",
        "/hooks/../hooks/./s3cret-of-the-room",
        "/hook?room=1&key=s3cret-of-the-room",
        "/?s3cret-of-the-room",
        "/a%7eb/s3cret{x}",
    ],
)
def test_the_lines_of_libraries_hold_nothing_of_a_url_however_it_is_sent(
    web: Answers, rest: str, caplog: pytest.LogCaptureFixture
) -> None:
    webhook = Webhook(web.url.removesuffix(PATH) + rest, timeout_seconds=5)
    with caplog.at_level("DEBUG", logger="urllib3"):
        webhook.post(b"{}")
    webhook.close()
    assert "s3cret" in caplog.text, "urllib3 logs the path"
    assert "s3cret" not in REDACTOR(caplog.text)


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
