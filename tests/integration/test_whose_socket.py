"""The control socket is made again where it was removed, and never taken from who listens."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from control.client import ControlClient
from control.server import ControlServer, NoSocket, prepare_folder
from tests.conftest import wait_until
from tests.control_answers import STATUS, Answers


def test_a_removed_socket_is_made_again(server: ControlServer, client: ControlClient) -> None:
    for _ in range(2):
        server.path.unlink()
        wait_until(server.path.exists, what="a new socket")
        assert client.status() == STATUS
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    server.stop()
    assert not server.path.exists()


def test_a_live_socket_is_neither_taken_nor_removed(
    server: ControlServer, client: ControlClient, answers: Answers
) -> None:
    second = ControlServer(server.path, answers)
    with pytest.raises(NoSocket, match="another daemon listens"):
        second.start()
    second.stop()
    assert client.status() == STATUS


def test_a_socket_in_the_place_of_ours_stays_and_its_owner_keeps_it(
    server: ControlServer, client: ControlClient, answers: Answers
) -> None:
    server.path.rename(server.path.with_name("moved"))
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(server.path))
        other.listen()
        bound = server.path.stat()
        server._next_look = 0.0
        ControlClient(server.path.with_name("moved")).status()  # its loop has come round
        wait_until(lambda: server._is_lost, what="the look")
        server.stop()
        assert os.path.samestat(server.path.stat(), bound)


def test_what_a_killed_daemon_has_left_is_replaced(tmp_path: Path, answers: Answers) -> None:
    folder = tmp_path / "control"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(folder / "socket"))
    server = ControlServer(folder / "socket", answers)
    server.start()
    assert ControlClient(server.path).status() == STATUS
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_folder_of_another_user_is_told_with_what_helps(tmp_path: Path) -> None:
    folder = tmp_path / "control"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)
    with pytest.raises(NoSocket, match=r"another user \(uid 65534\).*rm -r") as refused:
        prepare_folder(folder / "socket")
    assert "chmod" not in str(refused.value)
