"""The daemon as a process: its start, its answers, its ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from control.errors import NoDaemon
from control.paths import LONGEST
from control.protocol import StartRunBody, Word
from rules.model import SyncPhase
from rules.run.admission import Admission
from tests.homes import Home
from tests.launcher import Launched
from tests.oracle import differences


def test_a_run_at_start_and_one_every_interval(home: Home) -> None:
    home.daemon("--interval", "1")
    for run_id in (1, 2, 3):
        assert home.wait_for_run(run_id) == "success"
    triggers = [t for (t,) in home.sql("SELECT trigger_source FROM sync_runs ORDER BY id LIMIT 3")]
    assert triggers == ["startup", "schedule", "schedule"]
    assert differences(home.database, home.simulator) == []


def test_the_socket_answers_before_the_first_run_has_ended(home: Home) -> None:
    home.hang("/products")
    home.daemon()
    current = home.control.status().current_run
    assert current is None or current.run_id == 1
    home.wait_for(lambda: home.control.status().current_run is not None, "the start-up run")


def test_no_run_at_start_if_the_last_success_is_fresh(home: Home) -> None:
    home.run("sync")
    home.simulator.forget_requests()
    home.settings["TESTIO_STARTUP_SYNC"] = "if-stale"
    home.daemon()
    home.run("stop")
    assert home.simulator.requests() == []


def test_status_is_answered_within_100_ms_while_every_worker_hangs(home: Home) -> None:
    home.settings["MAX_CONCURRENT_API_REQUESTS"] = "4"
    home.hang("*/features")
    home.daemon()
    home.wait_for(lambda: len(home.simulator.requests()) >= 1, "the first request")
    home.wait_for(
        lambda: any(
            phase.phase is SyncPhase.FEATURES and phase.total
            for run in [home.control.status().current_run]
            if run is not None
            for phase in run.phases
        ),
        "the features phase",
    )
    times = []
    for _ in range(100):
        began = time.monotonic()
        assert home.control.status().current_run is not None
        times.append(time.monotonic() - began)
    assert sorted(times)[98] < 0.1, f"the slowest: {sorted(times)[-5:]}"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_in_the_middle_of_a_run_ends_it_in_order(home: Home, number: int) -> None:
    home.hang("*/exploratory_tests")
    daemon = home.daemon()
    home.wait_for(lambda: home.sql_count("features") > 0, "the features")
    began = time.monotonic()
    daemon.send_signal(number)
    ended = home.finish(daemon, expect=0, timeout=10)
    assert time.monotonic() - began < 10
    assert not Path(f"{home.database}-wal").exists(), "the log is folded in"
    assert home.sql("SELECT status, duration_seconds > 0 FROM sync_runs") == [("cancelled", 1)]
    assert '"status": "cancelled"' in ended.stderr
    assert not home.control.path.exists(), "the socket is removed"
    assert json.loads(home.lock_file.read_text())["released_at"]


def test_pause_resume_cancel_and_stop_from_the_command_line(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    assert home.json("pause", "--json")["word"] == "paused"
    assert home.run("pause").stdout == "already paused\n"
    status = home.json("status", "--json")
    assert (status["paused"], status["next_run_at"]) == (True, None)
    assert home.run("resume").stdout == "resumed\n"
    assert home.run("cancel").stdout == "nothing to cancel\n"
    home.hang()
    reply = home.control.start_run(StartRunBody())
    assert reply.word is Admission.STARTED
    assert home.control.cancel().word is Word.CANCELLING
    assert home.wait_for_run(reply.run_id or 0) == "cancelled"
    assert home.run("stop").stdout == "stopped\n"
    home.finish(daemon, expect=0)


def test_the_status_document(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    home.wait_for(lambda: home.control.status().current_run is None, "the end of the run")
    document = home.json("status", "--json")
    assert document["daemon"]["pid"] == daemon.pid
    assert document["daemon"]["socket"] == str(home.control.path)
    assert document["current_run"] is None
    assert document["next_run_at"] is not None
    assert document["runs"][0]["status"] == "success"
    assert len(document["freshness"]) == 11
    screen = home.run("status").stdout
    assert f"pid {daemon.pid}" in screen
    assert "complete" in screen


def test_a_daemon_on_a_hanging_remote_is_stopped_within_ten_seconds(home: Home) -> None:
    home.hang()
    daemon = home.daemon()
    began = time.monotonic()
    home.run("stop")
    home.finish(daemon, expect=0, timeout=10)
    assert time.monotonic() - began < 10


def test_only_the_owner_can_reach_the_socket(home: Home) -> None:
    home.daemon()
    assert stat.S_IMODE(home.control.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.control.path.parent.stat().st_mode) == 0o700


def test_a_socket_left_by_a_kill_is_replaced(home: Home) -> None:
    daemon = home.daemon()
    daemon.send_signal(signal.SIGKILL)
    daemon.communicate()
    assert home.control.path.is_socket()
    assert home.run("status").stdout.startswith("daemon     none")
    home.daemon()


def test_a_socket_path_that_is_in_the_way_is_named(home: Home) -> None:
    home.control.path.parent.mkdir(mode=0o700)
    home.control.path.write_text("something else")
    ended = home.run("run", expect=2)
    assert "is not a socket" in ended.stderr
    assert home.control.path.read_text() == "something else"
    assert home.simulator.requests() == []


def test_a_long_database_path_gets_its_socket_elsewhere(home: Home, tmp_path: Path) -> None:
    home.folder = tmp_path / ("long" * 30)
    home.folder.mkdir()
    home.daemon()
    assert not home.control.path.is_relative_to(home.folder)
    assert len(os.fsencode(home.control.path)) <= LONGEST
    assert home.json("status", "--json")["daemon"] is not None
    home.run("stop")


def test_logs_are_one_json_object_a_line_and_carry_what_is_needed(home: Home) -> None:
    sick = home.simulator.account()["products"][0]["id"]
    home.simulator.add_fault(kind="status", status=500, product_id=sick, path="*/features")
    daemon = home.daemon()
    assert home.wait_for_run(1) == "partial"
    home.run("stop")
    lines = [json.loads(line) for line in daemon.communicate(timeout=10)[1].splitlines()]
    failed = next(line for line in lines if line["event"] == "product_failed")
    assert (failed["run_id"], failed["phase"], failed["product_id"]) == (1, "features", sick)
    assert failed["duration_seconds"] > 0
    assert failed["level"] == "warning"
    retried = next(line for line in lines if line["event"] == "request_retried")
    assert (retried["run_id"], retried["product_id"]) == (1, sick), "a worker's lines are placed"
    finished = next(line for line in lines if line["event"] == "run_finished")
    assert finished["status"] == "partial"
    assert finished["duration_seconds"] > 0


def test_logs_to_a_file_survive_rotation(home: Home) -> None:
    log = home.folder / "log" / "testio.log"
    home.settings["LOG_FILE"] = str(log)
    daemon = home.daemon("--interval", "1")
    assert home.wait_for_run(1) == "success"
    log.rename(log.with_suffix(".1"))
    assert home.wait_for_run(2) == "success"
    home.wait_for(log.exists, "the new log file")
    home.run("stop")
    home.finish(daemon)
    assert "run_finished" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_log_file_whose_folder_is_gone_stops_nothing(home: Home) -> None:
    log = home.folder / "log" / "testio.log"
    home.settings["LOG_FILE"] = str(log)
    daemon = home.daemon("--interval", "1")
    assert home.wait_for_run(1) == "success"
    log.unlink()
    log.parent.rmdir()
    assert home.wait_for_run(2) == "success"
    assert home.wait_for_run(3) == "success"
    home.run("stop")
    ended = home.finish(daemon)
    assert '"run_id": 3' in ended.stderr, "the lines go to stderr instead"


def test_a_database_locked_by_another_process_does_not_hold_the_stop_up(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    with contextlib.closing(sqlite3.connect(home.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        home.run("stop")
        home.finish(daemon, expect=6, timeout=12)  # what happened last could not be written
        assert time.monotonic() - began < 10


def test_a_database_that_is_deleted_or_replaced_under_the_daemon_ends_it(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    home.database.rename(home.folder / "moved.db")
    ended = home.finish(daemon, expect=6, timeout=15)
    assert "database_gone" in ended.stderr


def test_a_daemon_that_lives_but_does_not_answer_is_told_from_none(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    daemon.send_signal(signal.SIGSTOP)
    try:
        screen = home.run("status").stdout
        assert f"pid {daemon.pid}, does not answer" in screen
        assert "does not answer" in home.run("pause", expect=1).stderr
    finally:
        daemon.send_signal(signal.SIGCONT)
    home.run("stop")
    home.finish(daemon)


def test_a_killed_run_is_not_shown_as_running(home: Home) -> None:
    home.hang("*/features")
    daemon = home.daemon()
    home.wait_for(lambda: home.sql_count("products") > 0, "the product list")
    daemon.send_signal(signal.SIGKILL)
    daemon.communicate()
    screen = home.run("status").stdout
    assert "killed" in screen
    assert "none runs on this database" in screen


def test_stop_returns_when_the_lock_is_free_even_if_somebody_follows(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    follower = threading.Thread(target=_follow, args=(home,))
    follower.start()
    home.run("stop")
    assert json.loads(home.lock_file.read_text())["released_at"]
    home.finish(daemon, timeout=5)
    follower.join(timeout=5)


def _follow(home: Home) -> None:
    with contextlib.suppress(NoDaemon):
        home.control.events(since=10**6, wait_seconds=20)


@pytest.mark.parametrize("log_file", [".", "/proc/none/x.log"])
def test_a_log_file_that_cannot_be_written_is_a_clear_mistake(home: Home, log_file: str) -> None:
    home.settings["LOG_FILE"] = log_file
    assert "LOG_FILE" in home.run("run", expect=2).stderr
    assert home.simulator.requests() == []


BROKEN_MIRROR = """
import sys
from actors.mirror_writer import MirrorWriter

def broken(self, message):
    raise RuntimeError("a bug in the writer")

MirrorWriter._store_page = broken
from cli.main import main
sys.exit(main(["run"]))
"""


def test_a_daemon_whose_writer_crashes_again_and_again_gives_up_and_says_why(home: Home) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BROKEN_MIRROR],
        env={**home.environment, "TESTIO_REFRESH_INTERVAL_SECONDS": "1"},
        cwd=home.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
    )
    assert ended.returncode == 8, ended.stderr[-2000:]
    assert "a bug in the writer" in ended.stderr
    gave_up = home.sql("SELECT error FROM sync_events WHERE event = 'daemon_gave_up'")
    assert len(gave_up) == 1
    assert "restarts" in gave_up[0][0]
    assert home.sql("SELECT count(*) FROM sync_runs WHERE status = 'running'") == [(0,)]


def _wait_until_it_follows(sync: Launched) -> None:
    """It shows the run, so it has the daemon's answer; before, it might begin one of its own."""
    assert sync.stderr is not None
    first = sync.stderr.readline()
    assert "run 2 started in the daemon" in first, first


def test_a_sync_that_follows_a_daemon_hears_of_its_end(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    home.hang("*/features")
    following = home.start("sync")
    _wait_until_it_follows(following)
    home.run("stop")
    home.finish(daemon)
    ended = home.finish(following, expect=130)
    assert "run 2: cancelled" in ended.stdout


def test_a_sync_whose_daemon_is_killed_says_so(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    home.hang("*/features")
    following = home.start("sync")
    _wait_until_it_follows(following)
    daemon.send_signal(signal.SIGKILL)
    daemon.communicate()
    ended = home.finish(following, expect=7)
    assert "the daemon went away before run 2 ended" in ended.stderr
