"""The benchmark of peers never hangs, and says what is missing. No peer is installed for this."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.benchmarks.bounded import NoResult, run_bounded
from tests.benchmarks.peers import NotReady, ready


def test_a_sync_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    lifeline = tmp_path / "lifeline"
    os.mkfifo(lifeline)
    reader = os.open(lifeline, os.O_RDONLY | os.O_NONBLOCK)
    child = f"(echo started; exec sleep 600) > {lifeline} & wait"
    with pytest.raises(NoResult, match=r"no result within 0\.5 s"):
        run_bounded(("sh", "-c", child), 0.5)
    os.set_blocking(reader, True)
    with open(reader, "rb") as stream:
        assert stream.read() == b"started\n"  # read to its end: nobody holds the other side


def test_a_sync_that_fails_tells_its_last_line() -> None:
    code = "import sys; print('a traceback', file=sys.stderr); sys.exit('no such account')"
    with pytest.raises(NoResult, match="exit status 1: no such account"):
        run_bounded((sys.executable, "-c", code), 30)


def test_without_a_python_that_is_new_enough_it_says_which_one_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHON_PEERS", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotReady, match=r"at least 3\.12 .*PYTHON_PEERS="):
        ready()
    monkeypatch.setenv("PYTHON_PEERS", "no-such-python")
    with pytest.raises(NotReady, match="PYTHON_PEERS=no-such-python is no Python"):
        ready()
