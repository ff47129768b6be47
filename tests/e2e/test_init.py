"""`testio-sync init` as a person meets it on a terminal, and as a script calls it."""

from __future__ import annotations

import io
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.main import main
from simulator import Simulator
from tests.homes import Home
from tests.terminals import Terminal, on_a_terminal

URL, DB, TOKEN = "TESTIO_CUSTOMER_API_BASE_URL", "TESTIO_DB_PATH", "TESTIO_CUSTOMER_API_TOKEN"
ASKED = (URL, DB, TOKEN)


@pytest.fixture
def config(home: Home) -> Path:
    """Where the file will be; the environment says nothing of what is asked."""
    home.settings["XDG_CONFIG_HOME"] = str(home.folder / "xdg")
    home.settings["HOME"] = str(home.folder)
    return home.folder / "xdg" / "testio-sync" / "config.toml"


def bare(home: Home) -> dict[str, str]:
    return {name: value for name, value in home.environment.items() if name not in ASKED}


InProcess = Callable[..., tuple[int, str]]


@pytest.fixture
def in_process(
    home: Home, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> InProcess:
    """Run `init` in this process, which is faster: its status, and all that it printed."""
    for name, value in home.settings.items():
        monkeypatch.setenv(name, value)

    def run(*flags: str, given: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        status = main(["init", *flags])
        shown = capsys.readouterr()
        return status, shown.out + shown.err

    return run


@contextmanager
def asked(home: Home, *flags: str) -> Iterator[Terminal]:
    words = [sys.executable, "-m", "cli.main", "init", *flags]
    with on_a_terminal(words, environment=bare(home), folder=home.folder) as terminal:
        yield terminal


def piped(home: Home, *flags: str, given: str = "", **settings: str) -> tuple[int, str]:
    """The status, and all that was printed, of one without a terminal."""
    ended = subprocess.run(
        [sys.executable, "-m", "cli.main", "init", *flags],
        env=bare(home) | settings,
        cwd=home.folder,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, ended.stdout + ended.stderr


def files(config: Path) -> list[str]:
    return sorted(path.name for path in config.parent.iterdir()) if config.parent.exists() else []


def test_a_person_is_asked_and_led_on(home: Home, config: Path) -> None:
    """Wrong answers are explained and asked for again; what is written is found by every verb."""
    with asked(home) as terminal:
        terminal.expect("Base URL of the Customer API [https://api.test.io/customer/v2]: ")
        terminal.type("http://api.test.io\n")
        terminal.expect("expected: an https URL; plain http only to this machine")
        terminal.expect("v2]: ")
        terminal.type(f"{home.simulator.base_url}/wrong\n")
        terminal.expect("API token (not shown): ")
        terminal.type(f"{home.simulator.token}\n")
        terminal.expect("(usually TESTIO_CUSTOMER_API_BASE_URL is https://api.test.io/customer/v2)")
        terminal.expect("[https://api.test.io/customer/v2]: ")
        terminal.type(f"{home.simulator.base_url}\n")
        terminal.expect("API token (not shown): ")
        terminal.type("short\n")
        terminal.expect("expected: one word of at least 8 printable ASCII characters")
        terminal.expect("API token (not shown): ")
        terminal.type("wrong-token\n")
        terminal.expect("the remote refused the token (401)")
        terminal.expect(f"Base URL of the Customer API [{home.simulator.base_url}]: ")
        terminal.type("\n")
        terminal.expect("API token (not shown): ")
        terminal.type(f"{home.simulator.token}\n")
        terminal.expect(f"Database [{home.folder}/.testio-sync/testio.db]: ")
        terminal.type(f"{home.folder}\n")
        terminal.expect("is a folder; name the database file in it")
        terminal.expect("]: ")
        assert files(config) == [], "nothing is written before the last answer"
        terminal.type(f"{home.database}\n")
        terminal.expect("The remote takes the token; it sees 5 products.")
        terminal.expect("testio-sync check")
        assert terminal.end() == 0
    assert home.simulator.token not in terminal.shown
    assert "wrong-token" not in terminal.shown
    written = tomllib.loads(config.read_text(encoding="utf-8"))
    token_file = config.with_suffix(".token")
    assert written == {
        URL: home.simulator.base_url,
        DB: str(home.database),
        f"{TOKEN}_FILE": str(token_file),
    }
    assert token_file.read_text() == f"{home.simulator.token}\n"
    assert {stat.S_IMODE(p.stat().st_mode) for p in config.parent.iterdir()} == {0o600}
    synced = subprocess.run(
        [sys.executable, "-m", "cli.main", "sync"],
        env=bare(home) | {"HTTP_TIMEOUT": "5"},
        cwd=home.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert synced.returncode == 0, synced.stderr
    assert '"hint": "did you mean HTTP_TIMEOUT_SECONDS?"' in synced.stderr
    assert home.sql_count("products") == 5


@pytest.mark.parametrize(
    ("stage", "key"), [(0, "\x03"), (1, "\x03"), (2, "\x03"), (2, "\x04")], ids=str
)
def test_who_leaves_leaves_nothing_behind(home: Home, config: Path, stage: int, key: str) -> None:
    """By Ctrl-C at each question, or by the end of the input."""
    questions = ("v2]: ", "shown): ", ".db]: ")
    with asked(home) as terminal:
        for number in range(stage):
            terminal.expect(questions[number])
            terminal.type(f"{(home.simulator.base_url, home.simulator.token)[number]}\n")
        terminal.expect(questions[stage])
        terminal.type(key)
        terminal.expect("nothing was written")
        assert terminal.end() == 130
    assert files(config) == []


def test_a_script_gives_everything_and_is_never_asked(home: Home, config: Path) -> None:
    url, token = home.simulator.base_url, home.simulator.token
    status, shown = piped(home, given=f"{token}\n", **{URL: url})
    assert (status, files(config)) == (0, ["config.token", "config.toml"]), shown
    assert "5 products" in shown
    assert token not in shown
    assert f"note: {URL}" not in shown, "the environment says the same as the file"
    status, shown = piped(home, "--base-url", url, given=token)
    assert (status, "--force replaces it and keeps a backup" in shown) == (2, True), shown
    file = home.folder / "given-token"
    file.write_text(f"{token}\n")
    flags = ("--force", "--base-url", url, "--token-file", str(file), "--db", "here.db")
    status, shown = piped(home, *flags, **{DB: "/elsewhere.db"})
    assert status == 0, shown
    assert shown.count("kept ") == 2
    assert f"note: {DB} is set in the environment" in shown
    assert len(files(config)) == 4
    assert tomllib.loads(config.read_text())[DB] == str(home.folder / "here.db")
    other = home.folder / "other.toml"
    status, shown = piped(home, "--config", str(other), **{URL: url, TOKEN: token})
    assert status == 0, shown
    assert f"testio-sync check --config {other}" in shown
    assert f"note: {TOKEN} is set in the environment" in shown


@pytest.mark.parametrize(
    ("flags", "given", "status", "words"),
    [
        ((), "wrong-token", 5, "the remote refused the token (401): a valid API token"),
        ((), "", 2, "there is no token: give it on standard input"),
        ((), "two words", 2, "one word of at least 8 printable ASCII characters"),
        (("--token-file", "/nowhere"), "", 2, "--token-file /nowhere cannot be read"),
        (("--token-file", "~nobody-here/t"), "", 2, "--token-file ~nobody-here/t cannot be read"),
        (("--token-file", "/dev/null"), "", 2, "--token-file /dev/null is empty"),
        (("--config", "/"), "{token}", 2, "/ is a folder"),
        (("--base-url", "http://api.test.io"), "tok-en-4711", 2, "an https URL"),
        (("--base-url", "https://127.0.0.1:9"), "tok-en-4711", 1, "Connection refused"),
        (("--base-url", "{url}/wrong"), "{token}", 1, "check TESTIO_CUSTOMER_API_BASE_URL"),
        (("--db", "."), "{token}", 2, "is a folder"),
        (("--db", "/proc/none/x.db"), "{token}", 2, "there is no folder /proc/none, and none can"),
        (("--config", "/proc/none/c.toml", "--offline"), "{token}", 2, "cannot be written"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    in_process: InProcess,
    config: Path,
    simulator: Simulator,
    flags: tuple[str, ...],
    given: str,
    status: int,
    words: str,
) -> None:
    known = {"url": simulator.base_url, "token": simulator.token}
    filled = tuple(flag.format(**known) for flag in flags)
    url = () if "--base-url" in flags else ("--base-url", simulator.base_url)
    ended, shown = in_process(*url, *filled, given=given.format(**known))
    assert ended == status, shown
    assert words in shown
    assert files(config) == []
    assert not given or given.format(**known) not in shown, "whatever was given is not shown"


def test_a_redirect_is_named_and_not_followed(
    in_process: InProcess, config: Path, simulator: Simulator
) -> None:
    simulator.add_fault(kind="redirect", path="*", location="http://127.0.0.1:9/elsewhere")
    ended, shown = in_process("--base-url", simulator.base_url, given=simulator.token)
    assert ended == 1, shown
    assert "redirected to host '127.0.0.1'; redirects are not followed" in shown
    assert files(config) == []
