"""A control server on a socket of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.client import ControlClient
from control.server import ControlServer
from tests.control_answers import Answers


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
