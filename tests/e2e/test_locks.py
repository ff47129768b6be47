"""One writer at a time, with real processes: waiting, refusing, taking over, never robbing."""

from __future__ import annotations

import json
import signal
import time

import pytest

from tests.homes import Home
from tests.oracle import differences


def test_a_second_one_shot_waits_and_then_says_who_holds_the_lock(home: Home) -> None:
    home.hang()
    first = home.start("sync")
    home.wait_for_hang()
    home.settings["TESTIO_LOCK_WAIT_SECONDS"] = "1"
    second = home.run("sync", expect=4)
    assert f"one-shot with pid {first.pid}" in second.stderr
    assert len(home.simulator.requests()) == 1, "the second has sent nothing"
    cancelled = home.run("cancel", expect=7)
    assert f"the one-shot with pid {first.pid}" in cancelled.stderr
    assert "Ctrl-C there" in cancelled.stderr
    assert "start one" not in cancelled.stderr


def test_a_second_one_shot_goes_on_when_the_first_has_ended(home: Home) -> None:
    fault = home.hang()
    first = home.start("sync")
    home.wait_for_hang()
    second = home.start("sync")
    time.sleep(0.5)  # let it begin to wait; if it is later, it finds the lock free, which is right
    home.simulator.remove_fault(fault)  # the request that hangs goes on hanging
    first.send_signal(signal.SIGINT)
    home.finish(first, expect=130)
    home.finish(second)
    assert home.sql("SELECT id, status FROM sync_runs ORDER BY id") == [
        (1, "cancelled"),
        (2, "success"),
    ]


def test_a_one_shot_beside_a_daemon_runs_in_the_daemon(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    result = home.json("sync", "--json")
    assert (result["run_id"], result["status"], result["trigger_source"]) == (2, "success", "cli")
    assert json.loads(home.lock_file.read_text())["pid"] == daemon.pid
    home.run("stop")
    log = daemon.communicate(timeout=10)[1]
    assert '"run_id": 2' in log, "the daemon's log tells of the run"


def test_after_a_kill_the_next_start_takes_over_at_once_and_says_from_whom(home: Home) -> None:
    fault = home.hang("*/exploratory_tests")
    daemon = home.daemon()
    home.wait_for(
        lambda: (
            any(r.status is None for r in home.simulator.requests())
            or len(home.simulator.requests()) >= 7
        ),
        "requests for tests",
    )
    daemon.send_signal(signal.SIGKILL)
    daemon.communicate()
    home.simulator.remove_fault(fault)
    home.run("sync")
    assert home.sql("SELECT id, status FROM sync_runs ORDER BY id") == [
        (1, "interrupted"),
        (2, "success"),
    ]
    assert home.sql("SELECT count(*) FROM sync_runs WHERE duration_seconds IS NULL") == [(0,)]
    recovered = home.sql("SELECT detail FROM sync_events WHERE event = 'lock_recovered'")
    assert json.loads(recovered[0][0])["from"]["pid"] == daemon.pid
    assert home.sql("SELECT count(*) FROM sync_events WHERE event = 'run_interrupted'") == [(1,)]
    assert differences(home.database, home.simulator) == []


def test_a_clean_end_is_no_recovery(home: Home) -> None:
    home.run("sync")
    home.run("sync")
    assert home.sql("SELECT count(*) FROM sync_events WHERE event = 'lock_recovered'") == [(0,)]


@pytest.mark.parametrize("suffix", ["", ".lock"])
def test_a_one_shot_whose_file_is_removed_under_it_is_no_success(home: Home, suffix: str) -> None:
    fault = home.hang("*/exploratory_tests")
    sync = home.start("sync")
    home.wait_for_hang()
    gone = home.folder / f"testio.db{suffix}"
    gone.unlink()
    home.simulator.remove_fault(fault)
    ended = home.finish(sync, expect=6)
    assert f"{gone} was removed or replaced" in ended.stderr
    home.run("sync", "--nuke", "--yes")
    assert differences(home.database, home.simulator) == []


def test_a_holder_that_was_pid_1_of_a_killed_container_is_nobody(home: Home) -> None:
    home.run("sync")
    left = json.loads(home.lock_file.read_text()) | {
        "pid": 1,
        "role": "daemon",
        "host": "container",
        "socket": str(home.folder / "gone" / "socket"),
        "released_at": None,
    }
    home.lock_file.write_text(json.dumps(left))
    assert home.json("status", "--json", expect=None)["writer"] is None
    refused = home.run("pause", expect=7)
    assert "start one with `testio-sync run`" in refused.stderr
    home.run("sync")
    home.lock_file.write_text(json.dumps(left | {"role": "one-shot"}))
    assert "at work" not in home.run("pause", expect=7).stderr
    home.daemon()
    home.run("stop")
