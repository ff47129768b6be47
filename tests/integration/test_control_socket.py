"""The control socket itself: where it may stand, its limits, its threads, its end."""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import socket
import tempfile
import threading
import time
from pathlib import Path

import pytest

from control import paths
from control.client import ControlClient
from control.errors import ControlError, NoDaemon
from control.server import CONNECTIONS, LEAST_CONNECTIONS, ControlServer, NoSocket, most_connections
from tests.control_answers import STATUS, Answers


def test_a_body_over_the_limit_is_refused(server: ControlServer) -> None:
    connection = http.client.HTTPConnection("sync", timeout=5)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(server.path))
    connection.putrequest("POST", "/v1/runs")
    connection.putheader("Content-Length", str(10**9))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize("error", [RuntimeError("bug"), SystemExit(1)], ids=["bug", "SystemExit"])
def test_an_answer_that_fails_is_told_and_the_next_one_comes(
    client: ControlClient, answers: Answers, error: BaseException
) -> None:
    answers.broken = error
    with pytest.raises(ControlError, match="failed on this"):
        client.status()
    answers.broken = None
    assert client.status() == STATUS


@pytest.mark.parametrize("error", [RuntimeError("bug"), SystemExit(1)], ids=["bug", "SystemExit"])
def test_the_socket_answers_after_its_loop_has_failed(
    server: ControlServer,
    client: ControlClient,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    listening = server._server
    waiting, readable = [error], listening.readable

    def failing() -> bool:
        if waiting:
            raise waiting.pop()
        return bool(readable())

    monkeypatch.setattr(listening, "readable", failing)
    assert client.status() == STATUS
    assert not waiting


def test_a_connection_that_cannot_be_taken_closes_no_socket(
    server: ControlServer, client: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_given: object, **_named: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(server._server, "channel_class", failing)
        with pytest.raises((NoDaemon, ControlError)):  # the log of a test may hold on to it
            ControlClient(server.path, timeout=0.2).status()
    assert client.status() == STATUS


def test_waiting_requests_never_use_up_the_threads(
    server: ControlServer, client: ControlClient, answers: Answers
) -> None:
    def follow() -> None:
        client.events(since=0, wait_seconds=20)

    followers = [threading.Thread(target=follow) for _ in range(12)]
    for thread in followers:
        thread.start()
    give_up_at = time.monotonic() + 5
    while len(answers.waits) < 12 and time.monotonic() < give_up_at:
        time.sleep(0.01)
    began = time.monotonic()
    assert client.status() == STATUS
    assert time.monotonic() - began < 1.0
    assert sorted(answers.waits) == [0.0] * 10 + [20.0] * 2, "two wait, the others are answered"
    answers.let_go.set()
    for thread in followers:
        thread.join(timeout=5)


def test_stopping_removes_the_socket_and_holds_nobody_up(
    server: ControlServer, client: ControlClient, answers: Answers
) -> None:
    def follow() -> None:
        with contextlib.suppress(NoDaemon):  # it depends on the moment whether it is answered
            client.events(since=0, wait_seconds=20)

    follower = threading.Thread(target=follow)
    follower.start()
    give_up_at = time.monotonic() + 5
    while not answers.waits and time.monotonic() < give_up_at:
        time.sleep(0.01)
    began = time.monotonic()
    server.stop()
    assert time.monotonic() - began < 4
    assert not server.path.exists()
    with pytest.raises(NoDaemon):
        client.status()
    answers.let_go.set()
    follower.join(timeout=5)
    assert not follower.is_alive()


def test_random_bytes_do_no_harm(server: ControlServer, client: ControlClient) -> None:
    for noise in (b"\x00" * 200, b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 50, b"A" * 40_000):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(server.path))
            connection.sendall(noise)
    assert client.status() == STATUS


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, answers: Answers) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    with pytest.raises(NoSocket, match="chmod 700"):
        ControlServer(folder / "socket", answers).start()


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o777, 0o1777])
def test_a_client_speaks_to_nobody_in_a_folder_that_others_may_enter(
    server: ControlServer, client: ControlClient, mode: int
) -> None:
    assert client.status() == STATUS
    server.path.parent.chmod(mode)
    with pytest.raises(NoDaemon):
        client.status()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can listen as somebody else")
def test_a_client_asks_the_kernel_who_listens(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(folder / "socket"))
        os.seteuid(65_534)
        try:
            listening.listen()
        finally:
            os.seteuid(0)
        with pytest.raises(NoDaemon):
            ControlClient(folder / "socket").status()
        connection, _ = listening.accept()
        with connection:
            assert connection.recv(100) == b"", "nothing was asked"


def test_a_folder_that_somebody_else_has_made_first_hinders_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(paths, "RUNTIME", str(tmp_path / "none"))
    shared = tmp_path / "shared"
    shared.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    database = tmp_path / ("x" * 120) / "testio.db"
    taken = paths.socket_path(database).parent
    taken.mkdir(mode=0o777)
    taken.chmod(0o777)
    free = paths.socket_path(database).parent
    assert free != taken
    free.mkdir(mode=0o700)
    assert paths.socket_path(database).parent == free, "the other end finds it"
    taken.rmdir()
    assert paths.socket_path(database).parent == free, "whatever becomes of theirs"

    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", os.path.relpath(runtime))
    if len(os.path.relpath(runtime)) < 50:
        assert paths.socket_path(database).parent.parent == Path(os.path.relpath(runtime))
        runtime.chmod(0o755)
        assert paths.socket_path(database).parent == free, "others may make folders there"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can talk to the daemons of others")
def test_root_talks_to_nobody_who_made_a_folder_where_everybody_may(
    tmp_path: Path, answers: Answers
) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o700)
    server = ControlServer(folder / "socket", answers)
    server.start()
    os.chown(folder, 65_534, 65_534)
    assert ControlClient(server.path).status() == STATUS, "root may ask any user's daemon"
    tmp_path.chmod(0o1777)
    with pytest.raises(NoDaemon):
        ControlClient(server.path).status()
    server.stop()


def test_a_file_in_the_way_is_refused_and_stays(tmp_path: Path, answers: Answers) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    (folder / "socket").write_text("precious")
    with pytest.raises(NoSocket, match="is not a socket"):
        ControlServer(folder / "socket", answers).start()
    assert (folder / "socket").read_text() == "precious"


def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path, answers: Answers) -> None:
    with pytest.raises(NoSocket, match="set TESTIO_SOCKET_PATH"):
        ControlServer(tmp_path / ("x" * 120) / "socket", answers).start()


def test_a_symlink_in_the_way_is_refused(tmp_path: Path, answers: Answers) -> None:
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    (folder / "socket").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoSocket, match="is not a socket"):
        ControlServer(folder / "socket", answers).start()
    assert not (tmp_path / "elsewhere").exists()


def test_the_files_that_its_work_needs_are_left_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = {"most": 1024}
    monkeypatch.setattr(
        "control.server.resource.getrlimit", lambda _which: (limits["most"], limits["most"])
    )
    assert most_connections(workers=10) == 1024 - 112
    assert most_connections(workers=64) == 1024 - 328
    for limits["most"] in (20_000, resource.RLIM_INFINITY):
        assert most_connections(workers=64) == CONNECTIONS
    limits["most"] = 64
    assert most_connections(workers=10) == LEAST_CONNECTIONS
