"""The settings of metrics and notifications: what is taken, refused, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.addresses import loopback_address
from config.loading import OF_THE_HOOK, load_settings
from config.problems import SettingsError
from config.secrets import REDACTOR
from config.settings import Settings

METRICS, COMMAND = "TESTIO_METRICS_ADDRESS", "TESTIO_NOTIFY_COMMAND"
WEBHOOK = "TESTIO_NOTIFY_WEBHOOK_URL"


@pytest.fixture(autouse=True)
def _in_a_home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


def load(**flags: str) -> Settings:
    return load_settings(flags=flags)


def refused(name: str, value: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    (problem,) = caught.value.problems
    assert problem.name == name
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9464", "127.0.0.1", 9464),
        (" 127.8.9.1:1 ", "127.8.9.1", 1),
        ("[::1]:0", "::1", 0),
    ],
)
def test_an_address_of_this_machine(text: str, host: str, port: int) -> None:
    assert loopback_address(text) == (host, port)
    assert load(**{METRICS: text}).metrics_address == text


@pytest.mark.parametrize(
    "text",
    ["9464", ":9464", "127.0.0.1", "localhost:9464", "::1:9464", "127.0.0.1:65536", "127.1:9464",
     "[127.0.0.1]:1", "127.0.0.1:\N{FULLWIDTH DIGIT NINE}", "127.0.0.1:9464/metrics"],
)  # fmt: skip
def test_what_is_no_address(text: str) -> None:
    assert "like 127.0.0.1:9464 or [::1]:9464" in refused(METRICS, text)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "8.8.8.8", "[::]", "[2001:db8::1]"])
def test_an_address_that_others_reach_is_refused_with_the_reason(host: str) -> None:
    assert "others could read the metrics" in refused(METRICS, f"{host}:9464")


def test_nothing_is_on_unless_it_is_set() -> None:
    settings = load(**{METRICS: "", COMMAND: " ", WEBHOOK: ""})
    assert settings.metrics_address is None
    assert settings.notify_command is None
    assert settings.notify_webhook_url is None


def test_a_command_with_an_open_quote_is_refused() -> None:
    assert load(**{COMMAND: "mail -s 'not well' me"}).notify_command
    assert "quoted as in a shell" in refused(COMMAND, "mail -s 'not well me")


@pytest.mark.parametrize(
    "url",
    ["https://chat.example/hooks/s3cretroom?x=1", "http://127.0.0.1:9/s3cret", "http://[::1]/s3c"],
)
def test_a_webhook_is_https_or_on_this_machine_and_never_shown(url: str) -> None:
    settings = load(**{WEBHOOK: url})
    assert settings.notify_webhook_url is not None
    assert settings.notify_webhook_url.get_secret_value() == url
    assert "s3c" not in repr(settings)
    assert "s3c" not in REDACTOR(f"posting to {url}")


def test_the_path_of_a_webhook_is_masked_by_itself() -> None:
    load(**{WEBHOOK: "https://chat.example/hooks/s3cretroom"})
    assert "s3cretroom" not in REDACTOR(
        'https://chat.example:443 "POST /hooks/s3cretroom HTTP/1.1"'
    )


@pytest.mark.parametrize(
    "url",
    ["http://chat.example/s3cret", "chat.example/s3cret", "ftp://chat.example/s3cret",
     "https://me:s3cret@chat.example", "https://chat.example/s3cret#x", "https://:1/s3cret"],
)  # fmt: skip
def test_any_other_webhook_is_refused_without_showing_it(url: str) -> None:
    assert "s3cret" not in refused(WEBHOOK, url)


def test_a_hook_may_call_testio_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it finds in its environment is not taken for settings with a typo."""
    for name in OF_THE_HOOK:
        monkeypatch.setenv(name, "x")
    load()
    monkeypatch.setenv("TESTIO_NOTIFY_COMMANDS", "x")
    with pytest.raises(SettingsError, match="did you mean TESTIO_NOTIFY_COMMAND"):
        load()
