"""4: another program holds SQLite's write lock."""

from __future__ import annotations

import time

from control.protocol import StartRunBody
from tests.faults.holder import write_lock
from tests.faults.programme import fault
from tests.faults.trial import Trial

KINDS = ("IMMEDIATE", "EXCLUSIVE")
PATIENCE = 45.0
"""A writer waits for 30 s before it gives up; the status says after 5 s that it waits."""
TOLD_AFTER = 12.0
TROUBLE = "locked by another process"


@fault(4, "another program holds the write lock", long=20, seconds=240, latency_seconds=0.01)
def write_lock_held(trial: Trial) -> None:
    """From a random moment of a run on; 60 s in some of the long attempts."""
    trial.daemon()
    first = trial.last_run()
    run_id = trial.control.start_run(StartRunBody(force=True)).run_id
    assert run_id is not None
    time.sleep(trial.dice.uniform(0, 0.1))
    seconds, told = _seconds(trial), set[str | None]()
    with write_lock(trial.home.database, trial.dice.choice(KINDS)):
        is_felt = not _has_ended(trial, run_id)
        let_go_at = time.monotonic() + seconds
        while time.monotonic() < let_go_at:
            told.add(trial.control.status().trouble)
            time.sleep(0.2)
    if is_felt and seconds > TOLD_AFTER:
        assert any(TROUBLE in (trouble or "") for trouble in told), f"the status says {told}"
    run = trial.ended(run_id, seconds=90)
    trial.wait_for(lambda: trial.control.status().trouble is None, "the end of the trouble")
    assert seconds > PATIENCE or run.status == "success", run
    begun = trial.home.sql("SELECT count(*) FROM sync_events WHERE event = 'run_started'")
    assert begun == [(run_id - first + 1,)], "an event of the time was not written"
    trial.saw(f"held for {seconds:.0f} s, {'felt' if is_felt else 'between runs'}: {run.status}")


@fault(4, "another program holds the write lock, and a sync waits", long=20)
def sync_waits(trial: Trial) -> None:
    """Short of its patience the sync waits and then does its work; beyond it says why it ends."""
    trial.sync()
    seconds = 12.0 if trial.is_long and trial.number < 2 else trial.dice.uniform(0.2, 1.5)
    began = time.monotonic()
    with write_lock(trial.home.database, trial.dice.choice(KINDS)):
        process = trial.start("sync", "--force")
        while time.monotonic() - began < seconds and process.runs:
            time.sleep(0.05)
    status = process.wait(60)
    assert "Traceback" not in process.log.text, process.log.text
    assert status in (0, 6), process.log.text
    assert status == 0 or TROUBLE in process.log.text, process.log.text
    trial.saw(f"held for {seconds:.0f} s: status {status}")


def _seconds(trial: Trial) -> float:
    if not trial.is_long:
        return 1.0
    return 60.0 if trial.number < 3 else trial.dice.uniform(1, 5)


def _has_ended(trial: Trial, run_id: int) -> bool:
    return (
        trial.home.sql("SELECT 1 FROM sync_runs WHERE id = ? AND status <> 'running'", run_id) != []
    )
