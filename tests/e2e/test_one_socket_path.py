"""One TESTIO_SOCKET_PATH and two databases: the socket says whose it is, and stays whose it is."""

from __future__ import annotations

import shutil

import pytest

from control.client import ControlClient
from control.errors import OtherDaemon
from storage.engine.place import identity_of
from tests.homes import Home


@pytest.fixture
def shared(home: Home) -> Home:
    """A home where every command goes by one socket, with a daemon on `testio.db`."""
    home.settings["TESTIO_SOCKET_PATH"] = str(home.folder / "run" / "socket")
    return home


@pytest.fixture
def client(shared: Home) -> ControlClient:
    daemon = shared.start("run")
    path = shared.folder / "run" / "socket"
    shared.wait_for(lambda: path.exists() or daemon.poll() is not None, "the socket")
    assert shared.wait_for_run(1) == "success"
    return ControlClient(path)


def test_a_sync_of_another_database_is_not_the_daemons(shared: Home, client: ControlClient) -> None:
    other = shared.folder / "other.db"
    result = shared.json("sync", "--db", str(other), "--json")
    assert (result["run_id"], result["status"]) == (1, "success")
    assert other.is_file(), "it was done by the command itself, in the database that was named"
    assert shared.sql_count("sync_runs") == 1
    assert client.status().current_run is None


def test_every_command_to_the_daemon_of_another_database_is_refused(
    shared: Home, client: ControlClient
) -> None:
    shared.run("sync", "--db", "other.db")
    for name in ("other.db", "missing.db"):
        for verb in (("health",), ("stop",), ("pause",), ("cancel",)):
            refused = shared.run(*verb, "--db", name, expect=7)
            told = refused.stdout + refused.stderr
            assert f"another database: {shared.database}" in told, verb
            assert "TESTIO_SOCKET_PATH of its own" in told, verb
    assert client.health().healthy
    shared.run("health")


def test_a_second_daemon_leaves_the_socket_alone(shared: Home, client: ControlClient) -> None:
    second = shared.run("run", "--db", "other.db", expect=2)
    assert "another daemon listens on" in second.stderr
    assert client.status().daemon.socket == str(client.path)
    shared.run("stop")
    assert not client.path.exists()


def test_the_header_decides_and_none_means_whichever_answers(
    shared: Home, client: ControlClient
) -> None:
    mine = ControlClient(client.path, database=identity_of(shared.database))
    assert mine.status().daemon.pid == client.status().daemon.pid
    for wrong in ("1:2", "none", ""):
        with pytest.raises(OtherDaemon):
            ControlClient(client.path, database=wrong).status()


def test_a_socket_that_is_removed_is_made_again_with_its_folder(
    shared: Home, client: ControlClient
) -> None:
    client.path.unlink()
    shared.wait_for(client.path.exists, "a new socket")
    shared.run("health")
    shutil.rmtree(client.path.parent)
    shared.wait_for(client.path.exists, "a new folder and socket")
    shared.run("stop")
    assert not client.path.exists()
