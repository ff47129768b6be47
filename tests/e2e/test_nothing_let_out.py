"""A running daemon beside other users of the machine, and where its token can be found: nowhere."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.paths import socket_path
from simulator import Simulator
from tests.homes import Home, end_all
from tests.strangers import ask_as_stranger
from tests.token_forms import assert_nothing_of_the_token
from tests.unix_http import unix_session

TOKEN = "Ab1/+x?=&%~:Zz9-4711"  # nothing in it survives URL-encoding by accident
HOOK = """#!/bin/sh
{ cat; env; tr '\\0' ' ' < /proc/$$/cmdline; } > notified.new
mv notified.new notified.txt
"""


@pytest.fixture
def home(simulator: Simulator) -> Iterator[Home]:
    """In a folder that everybody may enter: what protects the files is their own rights."""
    folder = Path(tempfile.mkdtemp(prefix="testio-sync-open-"))
    folder.chmod(0o755)
    made = Home(folder=folder, simulator=simulator)
    simulator.set_token(TOKEN)
    yield made
    end_all(made)
    shutil.rmtree(folder)


@pytest.fixture
def daemon_pid(home: Home) -> int:
    """A daemon that writes everything it can write, with a run that failed in part."""
    hook = home.folder / "hook.sh"
    hook.write_text(HOOK)
    hook.chmod(0o755)
    home.settings |= {
        "TESTIO_CUSTOMER_API_TOKEN": TOKEN,
        "TESTIO_DB_MODE": "0640",
        "TESTIO_NOTIFY_COMMAND": str(hook),
        "LOG_LEVEL": "DEBUG",
        "LOG_FILE": str(home.folder / "daemon.log"),
    }
    product = home.simulator.account()["products"][0]["id"]
    home.simulator.add_fault(
        kind="status", status=400, body=f"no {TOKEN}", path=f"*/products/{product}/features"
    )
    pid = home.daemon().pid
    home.wait_for((home.folder / "notified.txt").exists, "the notification")
    assert home.wait_for_run(1) == "partial"
    return pid


def test_a_daemon_lets_nobody_else_in_and_its_token_out(home: Home, daemon_pid: int) -> None:
    _the_token_is_nowhere(home, daemon_pid)
    _no_other_user_gets_in(home, daemon_pid)
    _the_group_may_read_the_database_and_nothing_else(home)


def _the_token_is_nowhere(home: Home, pid: int) -> None:
    with unix_session(home.control.path) as session:
        paths = ("/v1/status", "/v1/health", "/v1/events", "/v1/runs/1", "/metrics", "/nothing")
        places = {path: session.get(f"http://sync{path}").content for path in paths}
    names = [each["name"] for each in home.simulator.account()["products"]]
    assert not [name for name in names if name.encode() in places["/metrics"]], "ids are enough"
    commands = Path("/proc").glob("[0-9]*/cmdline")
    places |= {str(path): path.read_bytes() for path in [*commands] if path.exists()}
    places |= {str(path): path.read_bytes() for path in home.folder.rglob("*") if path.is_file()}
    for verb in ("status", "runs", "events", "health", "check"):
        shown = home.run(verb, expect=None)
        places[verb] = (shown.stdout + shown.stderr).encode()
    assert str(home.database) in places
    assert b"TESTIO_NOTIFY_EVENT=run_partial" in places[str(home.folder / "notified.txt")]
    assert_nothing_of_the_token(places, TOKEN)


def _no_other_user_gets_in(home: Home, pid: int) -> None:
    control = socket_path(home.database)
    database = [home.database.with_name(home.database.name + end) for end in ("", "-wal", "-shm")]
    private = [*database, home.lock_file, home.folder / "daemon.log"]
    answers = ask_as_stranger(
        *(("read", path) for path in private),
        *(("write", path) for path in private),
        ("enter", control.parent),
        ("connect", control),
        ("query", home.database),
        ("read", Path(f"/proc/{pid}/environ")),
        ("read", Path(f"/proc/{pid}/cmdline")),
    )
    possible = {question for question, (done, _what) in answers.items() if done}
    assert not any("No such file" in str(what) for _done, what in answers.values()), answers
    assert possible == {f"read /proc/{pid}/cmdline"}, "this alone everybody can read"
    assert TOKEN not in str(answers[f"read /proc/{pid}/cmdline"])


def _the_group_may_read_the_database_and_nothing_else(home: Home) -> None:
    """As TESTIO_DB_MODE 0640 says."""
    control = socket_path(home.database)
    assert stat.S_IMODE(control.stat().st_mode) == 0o600
    assert stat.S_IMODE(control.parent.stat().st_mode) == 0o700
    answers = ask_as_stranger(
        ("query", home.database),
        ("change", home.database),
        ("connect", control),
        ("read", home.lock_file),
        ("read", home.folder / "daemon.log"),
        group=os.getgid(),
    )
    possible = {question: what for question, (done, what) in answers.items() if done}
    assert possible == {f"query {home.database}": len(home.simulator.account()["products"])}
