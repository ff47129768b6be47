"""`testio-sync check` finds what is wrong, says what to do, and leaves no trace."""

from __future__ import annotations

import fcntl
import json
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cli.main import main
from simulator import Simulator
from storage.engine.revision import REVISION
from tests.databases import migrated
from tests.homes import Home

Check = Callable[..., dict[str, Any]]


@pytest.fixture
def check(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """Run it in this process, which is faster, and give its document; checks the status, too."""

    def run(*flags: str, expect: int = 0, **settings: str) -> dict[str, Any]:
        for name, value in (home.environment | settings).items():
            monkeypatch.setenv(name, value)
        before = traces(home.folder)
        status = main(["check", "--json", *flags])
        assert traces(home.folder) == before, "it changes nothing"
        shown = capsys.readouterr()
        assert home.simulator.token not in shown.out + shown.err
        document: dict[str, Any] = json.loads(shown.out)
        assert status == document["status"] == expect, json.dumps(document, indent=1)
        return document

    return run


def traces(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below, and when it was changed; but for what a reader of the log notes in -shm."""
    found = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    return {
        str(path): (status.st_mode, status.st_size, status.st_mtime_ns)
        for path, status in found.items()
        if not path.name.endswith("-shm")
    }


def about(document: dict[str, Any], subject: str, *, level: str | None = None) -> dict[str, Any]:
    found = [f for f in document["findings"] if f["subject"] == subject]
    found = [f for f in found if level in (None, f["level"])]
    assert len(found) == 1, f"{subject}, {level}: {json.dumps(document, indent=1)}"
    first: dict[str, Any] = found[0]
    return first


@pytest.fixture
def mirror(home: Home) -> Iterator[sqlite3.Connection]:
    """An empty mirror, closed and with a connection to change it."""
    migrated(home.database).close()
    with closing(sqlite3.connect(home.database, isolation_level=None)) as connection:
        yield connection


def test_before_the_first_sync_all_is_well(home: Home, check: Check) -> None:
    document = check()
    assert about(document, "remote")["message"] == "it takes the token, which sees 5 products"
    assert about(document, "clock")["level"] == "ok"
    assert "not there yet" in about(document, "database")["message"]
    assert "from the environment" in about(document, "token")["message"]
    assert not any(f["level"] == "error" for f in document["findings"])
    home.simulator.forget_requests()
    offline = check("--offline")
    assert home.simulator.requests() == []
    assert not any(f["subject"] in ("remote", "clock") for f in offline["findings"])


def test_every_problem_of_the_configuration_is_a_finding(home: Home, check: Check) -> None:
    broken = {"LOG_LEVEL": "LOUD", "HTTP_TIMEOUT_SECONDS": "soon", "TESTIO_DB_PAHT": "x"}
    document = check(expect=2, **broken)
    errors = [f for f in document["findings"] if f["level"] == "error"]
    assert [any(name in f["message"] for f in errors) for name in broken] == [True] * 3
    assert "did you mean TESTIO_DB_PATH?" in [f["remedy"] for f in errors]


def test_what_warns_and_what_that_comes_to(
    home: Home, check: Check, mirror: sqlite3.Connection
) -> None:
    mirror.execute("UPDATE alembic_version SET version_num = '0001'")
    mirror.execute(
        "INSERT INTO sync_runs (id, status, trigger_source, phases, scope, options, started_at)"
        " VALUES (1, 'running', 'cli', '[]', '{}', '{}', '2999-01-01T00:00:00+00:00')"
    )
    mirror.close()
    home.database.chmod(0o644)
    document = check("--deny-warnings", expect=3, HTTP_TIMEOUT="5")
    assert about(document, "schema")["remedy"].startswith("nothing to do")
    assert f"chmod 600 {home.database}" in about(document, "database", level="warning")["remedy"]
    assert "in the future" in about(document, "clock", level="warning")["message"]
    near = about(document, "configuration", level="warning")
    assert (near["message"], near["remedy"]) == (
        "HTTP_TIMEOUT (from the environment) is no setting",
        "did you mean HTTP_TIMEOUT_SECONDS?",
    )
    check()


def test_a_database_folder_that_everybody_may_write_is_told_of(home: Home, check: Check) -> None:
    home.folder.chmod(0o777)
    found = about(check("--offline"), "database folder", level="warning")
    assert "others can change it" in found["message"]
    home.folder.chmod(0o755)
    assert not [f for f in check("--offline")["findings"] if f["subject"] == "database folder"]


@pytest.mark.parametrize(
    ("log_file", "subject"), [("/dev/null/x.log", "configuration"), (".", "log file")]
)
def test_a_log_file_that_cannot_be_written_is_an_error(
    check: Check, log_file: str, subject: str
) -> None:
    assert about(check("--offline", expect=2, LOG_FILE=log_file), subject)["level"] == "error"


def test_databases_that_cannot_be_used(
    home: Home, check: Check, mirror: sqlite3.Connection
) -> None:
    mirror.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "9999" in about(check("--offline", expect=6), "schema")["message"]
    mirror.execute("UPDATE alembic_version SET version_num = ?", (REVISION,))
    mirror.execute(
        "INSERT INTO settings (name, value, changed_at)"
        " VALUES ('account.base_url', 'https://elsewhere', 'x')"
    )
    mirror.close()
    assert "https://elsewhere" in about(check("--offline", expect=2), "account")["message"]
    folder = check("--offline", "--db", str(home.folder), expect=6)
    assert "is a folder" in about(folder, "database")["message"]
    nowhere = check("--offline", "--db", "/proc/none/x.db", expect=6)
    assert "there is no folder /proc/none" in about(nowhere, "database")["message"]
    assert [each["subject"] for each in nowhere["findings"] if each["level"] == "error"] == [
        "database"
    ], "there is no room to make"


def test_the_remote_and_its_clock(
    home: Home, check: Check, make_simulator: Callable[..., Simulator]
) -> None:
    refused = check(expect=5, TESTIO_CUSTOMER_API_TOKEN="wrong-token")
    assert about(refused, "remote")["remedy"] == (
        "put a valid token into TESTIO_CUSTOMER_API_TOKEN (from the environment), then "
        "testio-sync sync"
    )
    home.simulator = make_simulator(products=1, tests=0, clock_ahead_seconds=-120)
    document = check()
    assert "ahead of the remote's" in about(document, "clock", level="warning")["message"]
    home.simulator = make_simulator(products=1, tests=0, clock_ahead_seconds=900)
    assert "behind the remote's" in about(check(expect=1), "clock", level="error")["message"]
    nobody = check(expect=1, TESTIO_CUSTOMER_API_BASE_URL="https://127.0.0.1:9")
    assert "Connection refused" in about(nobody, "remote")["message"]


def test_a_lock_of_another_machine_is_only_a_warning(
    home: Home, check: Check, mirror: sqlite3.Connection
) -> None:
    mirror.close()
    holder = {"pid": 1, "role": "daemon", "host": "elsewhere", "started_at": "x", "version": "1"}
    home.lock_file.write_text(json.dumps(holder), encoding="utf-8")
    home.lock_file.chmod(0o600)
    assert "was killed" in about(check("--offline"), "writer lock")["message"], "nobody has it"
    with home.lock_file.open() as taken:
        fcntl.flock(taken, fcntl.LOCK_EX)
        found = about(check("--offline"), "writer lock")
    assert (found["level"], "another machine" in found["message"]) == ("warning", True)
    dead = holder | {"host": socket.gethostname(), "pid": 2**22 + 1}
    home.lock_file.write_text(json.dumps(dead), encoding="utf-8")
    assert "was killed" in about(check("--offline"), "writer lock")["message"]


def test_beside_a_daemon_that_works_that_hangs_and_that_was_killed(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    screen = home.run("check", "--thorough").stdout
    assert f"pid {daemon.pid} answers" in screen
    assert f"held by the daemon with pid {daemon.pid}" in screen
    assert f"{home.database} is whole" in screen
    assert screen.splitlines()[-1].startswith("no errors, ")
    daemon.send_signal(signal.SIGSTOP)
    try:
        hung = home.json("check", "--json", "--offline", expect=1)
        assert "does not answer" in about(hung, "daemon")["message"]
        assert "held by the daemon" in about(hung, "writer lock")["message"]
    finally:
        daemon.send_signal(signal.SIGKILL)
    daemon.communicate()
    before = traces(home.folder)
    killed = home.json("check", "--json", "--offline")
    assert "was killed" in about(killed, "writer lock")["message"]
    assert about(killed, "schema")["message"] == REVISION
    assert traces(home.folder) == before, "the log that was left behind is left alone"
