"""Too few threads, too few open files: the daemon's work goes on, and what is lacking is said."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from control.paths import socket_path
from service.exit_status import ExitStatus
from simulator import Simulator
from tests.homes import Home, end_all
from tests.launcher import Launched, launch
from tests.odd import NOT_LISTED
from tests.tools import may_become_another

LIMIT = "the limit on this user's processes is reached"
LONGEST = 30.0
ROLES = [("scheduler", "Beat"), ("mirror", "StorePage"), ("products-phase", "RunPhase")]


@pytest.fixture
def limited(simulator: Simulator) -> Iterator[Home]:
    """A home of a user that can be kept from starting threads: root cannot."""
    if not may_become_another():
        pytest.skip("needs root, to become a user with a limit of its own")
    folder = Path(tempfile.mkdtemp(prefix="few-"))
    folder.chmod(0o755)
    os.chown(folder, NOT_LISTED, NOT_LISTED)
    home = Home(folder=folder, simulator=simulator, settings={"HOME": str(folder)})
    yield home
    end_all(home)
    shutil.rmtree(folder)


def begin(home: Home, *words: str, crash: tuple[str, str] | None = None) -> Launched:
    """A command that can start no thread while there is the file `scarce`."""
    inside = f"tests.odd:few_threads {home.folder}/scarce;tests.odd:become"
    if crash is not None:
        role, message = crash
        at = f"{role} {message} RuntimeError before {home.folder}/armed"
        inside = f"tests.faults.inside_actors:crash_at {at};{inside}"
    process = launch(
        list(words),
        env=home.environment,
        cwd=home.folder,
        stdin=subprocess.DEVNULL,
        inside=inside,
    )
    home.started.append(process)
    return process


def missing(home: Home) -> set[str]:
    """The roles that health says to be empty, worst first."""
    verdict = home.control.health()
    found = (*verdict.reasons, *verdict.warnings)
    return {each.where for each in found if each.check == "actor_missing"}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("run", ExitStatus.FAILED),
        ("sync", ExitStatus.FAILED),
        ("products --max-age 0", ExitStatus.PARTIAL),
    ],
)
def test_a_command_that_gets_no_thread_says_so(
    limited: Home, words: str, status: ExitStatus
) -> None:
    (limited.folder / "scarce").touch()
    ended = limited.finish(begin(limited, *words.split()), expect=status)
    assert LIMIT in ended.stderr


@pytest.mark.parametrize("crash", ROLES, ids=lambda crash: crash[0])
def test_a_role_without_a_thread_stays_empty_until_there_is_one(
    limited: Home, crash: tuple[str, str]
) -> None:
    daemon = begin(limited, "run", crash=crash)
    limited.wait_for(limited.answers, "the daemon")
    assert limited.wait_for_run(1) == "success"
    (limited.folder / "scarce").touch()
    (limited.folder / "armed").touch()
    limited.run("sync", "--force", expect=None)
    limited.wait_for(lambda: crash[0] in missing(limited), "that the role is empty")
    assert limited.run("health", expect=1).stdout.count(LIMIT)
    assert LIMIT in limited.run("status").stdout
    (limited.folder / "scarce").unlink()
    limited.wait_for(lambda: not missing(limited), "that all roles are filled")
    assert limited.json("sync", "--json")["status"] == "success"
    limited.run("stop")
    lines = [json.loads(line) for line in daemon.communicate(LONGEST)[1].splitlines()]
    told = [line["event"] for line in lines if line.get("role") == crash[0]]
    assert told.count("actor_not_started") == 1
    assert "actor_replaced" in told


def test_workers_that_cannot_be_started_are_named_and_come_later(limited: Home) -> None:
    begin(limited, "run")
    limited.wait_for(limited.answers, "the daemon")
    assert limited.wait_for_run(1) == "success"
    (limited.folder / "scarce").touch()
    limited.run("concurrency", "12")
    assert set(limited.control.status().missing) == {"worker-11", "worker-12"}
    assert "there is no worker-11" in limited.run("status").stdout
    assert limited.json("sync", "--force", "--json")["status"] == "success"
    limited.run("health")
    for words in (
        "bugs --max-age 0",
        "products --max-age 0",
    ):  # on the asker's own thread
        limited.run(*words.split())
    (limited.folder / "scarce").unlink()
    limited.wait_for(lambda: not limited.control.status().missing, "the workers")


def test_with_few_open_files_the_work_comes_before_clients(
    home: Home, make_simulator: Callable[..., Simulator]
) -> None:
    home.simulator = make_simulator(products=20, features=5, tests=60, latency_seconds=0.1)
    home.settings["TESTIO_STARTUP_SYNC"] = "if-stale"
    daemon = home.start("run", inside="tests.odd:files 64")
    path = socket_path(home.database)
    home.wait_for(home.answers, "the daemon")
    with ExitStack() as stack:
        for _ in range(60):  # each has begun a request, and never ends it
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(path))
            client.sendall(b"GET /v1/status HTTP/1.1\r\n")
        assert home.wait_for_run(1) == "success"
    home.wait_for(home.answers, "an answer")
    home.run("stop")
    said = home.finish(daemon).stderr
    assert "Too many open files" not in said
    full = [json.loads(line) for line in said.splitlines() if "control_connections_full" in line]
    assert [(line["connections"], line["open_files"]) for line in full] == [(4, 64)]
