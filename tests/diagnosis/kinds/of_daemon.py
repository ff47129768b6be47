"""What is wrong with the daemon."""

from __future__ import annotations

import json
import signal
import socket

from rules.diagnosis.codes import Code
from tests.diagnosis.patient import Patient
from tests.diagnosis.scenarios import Acting, scenario


@scenario(Code.NO_DAEMON)
def none_runs(patient: Patient) -> Acting:
    patient.home.run("sync")
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.DAEMON_KILLED, usual=True)
def killed(patient: Patient) -> Acting:
    """Between two runs, so that no run tells of it."""
    daemon = patient.home.daemon()
    patient.home.wait_for_run(1)
    patient.kill(daemon)
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.DAEMON_SILENT)
def silent(patient: Patient) -> Acting:
    daemon = patient.home.daemon()
    patient.home.wait_for_run(1)
    daemon.send_signal(signal.SIGSTOP)
    found = yield
    assert "testio-sync stop" in found["action"]
    said = patient.home.run("stop", expect=1).stderr
    assert f"`kill -9 {daemon.pid}`" in said
    patient.kill(daemon)
    patient.carry_out("testio-sync run")


@scenario(Code.SOCKET_MISSING)
def no_socket(patient: Patient) -> Acting:
    """A daemon that goes on makes its socket again by itself, as the finding says."""
    home = patient.home
    daemon = home.daemon()
    home.wait_for_run(1)
    holder = json.loads(home.lock_file.read_text())
    home.lock_file.write_text(json.dumps(holder | {"started_at": patient.long_ago()}))
    daemon.send_signal(signal.SIGSTOP)
    home.control.path.unlink()
    found = yield
    assert "makes its socket again" in found["action"]
    daemon.send_signal(signal.SIGCONT)


@scenario(Code.SOCKET_BLOCKED)
def socket_blocked(patient: Patient) -> Acting:
    home = patient.home
    home.daemon()
    home.wait_for_run(1)
    place = home.control.path
    place.unlink()
    place.mkdir()
    found = yield
    assert found["action"].startswith(f"move {place} away")
    place.rmdir()


@scenario(Code.PAUSED)
def paused(patient: Patient) -> Acting:
    patient.home.daemon()
    patient.home.wait_for_run(1)
    patient.home.run("pause")
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.METRICS_NOT_SERVED)
def port_taken(patient: Patient) -> Acting:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        patient.home.settings["TESTIO_METRICS_ADDRESS"] = address
        patient.home.daemon()
        patient.home.wait_for_run(1)
        found = yield
        assert address in found["action"]
    patient.carry_out("testio-sync stop; testio-sync run")
