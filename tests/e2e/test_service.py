"""The daemon as systemd meets it, and `testio-sync service` as a person does.

systemd is not at work here: the test has the other end of its socket.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from pydantic import SecretStr

from actors.base import NoAnswer
from actors.messages import StopReport
from actors.system import ActorSystem
from config.loading import load_settings
from service.configuration import Configured
from service.daemon.main import run_daemon
from service.exit_status import DaemonFailed
from tests.homes import Home
from tests.listener import Listener, listening

PERIOD = 2.0


def under_systemd(home: Home, systemd: Listener) -> None:
    home.settings |= {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": str(int(PERIOD * 1e6))}


def test_a_life_as_systemd_hears_it(home: Home, tmp_path: Path) -> None:
    with listening(tmp_path) as systemd:
        under_systemd(home, systemd)
        home.hang("*/exploratory_tests")
        daemon = home.start("run", "--interval", "0")
        systemd.wait_for(lambda told: "READY=1" in told, "that it is ready")
        assert home.control.status().daemon.pid == daemon.pid, "ready, but nobody answers"
        assert systemd.heard[0] == "STATUS=opening the database"
        systemd.wait_for(lambda told: told == "STATUS=run 1: new_tests 0 of 5", "the run")
        for _ in range(2):
            systemd.wait_for(lambda told: told == "WATCHDOG=1", "a beat", within=PERIOD)
        home.control.cancel()
        systemd.wait_for(lambda told: "periodic runs are turned off" in told, "the run's end")
        assert sum("READY=1" in told for told in systemd.heard) == 1
        daemon.send_signal(signal.SIGHUP)
        systemd.wait_for(lambda told: told.startswith("RELOADING=1"), "that it reloads")
        systemd.wait_for(lambda told: told == "READY=1", "that it has reloaded")
        home.control.pause()
        systemd.wait_for(lambda told: told == "STATUS=paused", "the pause")
        daemon.send_signal(signal.SIGTERM)
        home.finish(daemon)
        assert systemd.all()[-1] == "STOPPING=1\nSTATUS=stopping"


def test_a_daemon_whose_actors_do_not_answer_is_never_ready(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(_system: ActorSystem) -> None:
        raise NoAnswer("the mirror did not answer: Timeout")

    monkeypatch.setattr(ActorSystem, "start", hang)
    monkeypatch.setattr(ActorSystem, "stop", lambda _system: StopReport(abandoned=()))
    with listening(tmp_path) as systemd:
        monkeypatch.setenv("NOTIFY_SOCKET", systemd.address)
        settings = load_settings(flags={"TESTIO_DB_PATH": str(home.database)})
        token = SecretStr(home.simulator.token)
        with pytest.raises(DaemonFailed, match="the mirror did not answer"):
            run_daemon(settings, token, lambda: Configured(settings=settings, token=token))
        assert systemd.all() == ["STATUS=opening the database", "STOPPING=1\nSTATUS=stopping"]


def test_a_daemon_that_the_watchdog_aborts_says_where_every_thread_was(home: Home) -> None:
    daemon = home.daemon()
    home.wait_for_run(1)  # what a watchdog aborts stands still; no stack changes while it is read
    daemon.send_signal(signal.SIGABRT)
    said = home.finish(daemon, expect=None).stderr
    assert daemon.returncode == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in said
    assert "service/daemon/main.py" in said
    assert "actors" in said or "pykka" in said


@pytest.fixture
def person(home: Home) -> Home:
    """Somebody with a home folder and settings in the environment."""
    home.settings |= {"HOME": str(home.folder), "XDG_CONFIG_HOME": ""}
    return home


def test_what_a_person_sees_of_the_service(person: Home) -> None:
    unit = person.folder / ".config/systemd/user/testio-sync.service"
    shown = person.run("service", "show", "--user")
    assert "ExecStart=" in shown.stdout
    assert shown.stderr == f"{unit}: not installed\n"
    planned = person.run("service", "install", "--user", "--dry-run").stdout
    assert f"would write {unit}" in planned
    assert "TESTIO_CUSTOMER_API_TOKEN, TESTIO_DB_PATH of this shell's environment" in planned
    assert "enable-linger" in planned
    assert not unit.exists()
    refused = person.run("service", "install", "--user", "--dry-run", "--now", expect=1)
    assert refused.stderr.startswith("testio-sync: there is no token yet: testio-sync init")
    unit.parent.mkdir(parents=True)
    unit.write_text(shown.stdout)
    assert "installed just so" in person.run("service", "show", "--user").stderr
    gone = person.run("service", "uninstall", "--user", "--dry-run").stdout
    assert f"would remove {unit}" in gone
    assert f"the database stays in {person.folder}/.testio-sync" in gone
    assert unit.exists()


@pytest.mark.skipif(Path("/run/systemd/system").is_dir(), reason="systemd runs this machine")
def test_a_machine_without_systemd(person: Home) -> None:
    refused = person.run("service", "install", "--user", expect=1)
    assert refused.stderr.startswith("testio-sync: systemd does not run this machine")
