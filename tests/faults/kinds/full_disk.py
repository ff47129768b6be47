"""3: the disk is full, and then it is not any more."""

from __future__ import annotations

import time

from control.protocol import StartRunBody
from tests.faults.programme import fault
from tests.faults.small_disk import Disk, Limited, mounted
from tests.faults.trial import Trial

FAILED, PARTIAL, DATABASE = 1, 3, 6


@fault(3, "the disk is full under the daemon, then has space", long=20, latency_seconds=0.01)
def full_under_the_daemon(trial: Trial) -> None:
    """It says so, goes on, and mends itself without a restart; no event of the time is lost."""
    disk = _disk(trial)
    process = trial.daemon()
    first = trial.last_run()
    run_id = trial.control.start_run(StartRunBody(force=True)).run_id
    assert run_id is not None
    time.sleep(trial.dice.uniform(0, 0.3))
    disk.fill(process.pid)
    trial.wait_for(lambda: _is_in_trouble(trial), "a word of the full disk in the status")
    trouble = trial.control.status().trouble or ""
    assert any(words in trouble for words in disk.words), trouble
    assert process.runs, process.log.text
    disk.empty(process.pid)
    trial.wait_for(lambda: trial.control.status().trouble is None, "the end of the trouble")
    trial.quiet()
    cycle = trial.run()
    assert cycle.status == "success", cycle
    begun = trial.home.sql("SELECT count(*) FROM sync_events WHERE event = 'run_started'")
    assert begun == [(cycle.run_id - first + 1,)], "an event of the time was not written"
    assert "events_not_written" in process.log.text
    trial.saw(f"{type(disk).__name__.lower()}: the run in it {trial.ended(run_id).status}")


@fault(3, "the disk is full under a sync", long=20, latency_seconds=0.01)
def full_under_a_sync(trial: Trial) -> None:
    """From its start on, or from some moment of it: it ends, and says why."""
    disk = _disk(trial)
    if trial.dice.random() < 0.5:
        trial.sync()
    process = trial.start("sync", "--force")
    if trial.is_long:
        time.sleep(trial.dice.uniform(0, 0.5))
    disk.fill(process.pid)
    status = process.wait(40)
    assert "Traceback" not in process.log.text, process.log.text
    assert status in (0, FAILED, PARTIAL, DATABASE), process.log.text
    told = process.log.text + process.out.text
    assert status == 0 or any(words in told for words in disk.words), told
    _empty(disk, process.pid)
    trial.saw(f"{type(disk).__name__.lower()}: status {status}")


def _disk(trial: Trial) -> Disk:
    if trial.number % 2 == 0:
        disk = trial.afterwards.enter_context(mounted(trial.home.folder))
        if disk is not None:
            return disk
        trial.saw("not tried on a file system of its own: no right to mount")
    return Limited()


def _empty(disk: Disk, pid: int) -> None:
    if not isinstance(disk, Limited):  # a limit has gone with its process
        disk.empty(pid)


def _is_in_trouble(trial: Trial) -> bool:
    """The run may have ended before the disk was full: then another one meets it."""
    status = trial.control.status()
    if status.trouble is None and status.current_run is None:
        trial.control.start_run(StartRunBody(force=True))
    return status.trouble is not None
