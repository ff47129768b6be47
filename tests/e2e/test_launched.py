"""The programs of the guide's examples behave like the one that they stand for."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.homes import Home
from tests.launcher import launcher

CLIENT = Path(__file__).parents[1] / "launched.py"
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(home: Home) -> Start:
    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-IS", str(CLIENT), launcher(), *words],
            env=home.environment,
            cwd=home.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        home.started.append(process)
        return process

    return start


def test_streams_and_status_are_its_own(home: Home, start: Start) -> None:
    assert "usage: testio-sync" in home.finish(start("--help")).stdout
    assert "there is no verb" in home.finish(start("no-such-verb"), expect=2).stderr


def test_a_signal_is_passed_on(home: Home, start: Start) -> None:
    daemon = start("run")
    home.wait_for(home.answers, "an answer of the daemon")
    daemon.send_signal(signal.SIGTERM)
    home.finish(daemon)
    assert not home.answers()


def test_what_does_the_work_ends_with_it(home: Home, start: Start) -> None:
    daemon = start("run")
    home.wait_for(home.answers, "an answer of the daemon")
    daemon.kill()
    home.wait_for(lambda: not home.answers(), "the end of the daemon")
