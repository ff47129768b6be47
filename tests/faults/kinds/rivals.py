"""19: several daemons and syncs at once on one database."""

from __future__ import annotations

import re

from tests.faults.programme import fault
from tests.faults.trial import Process, Trial

BUSY = 4


@fault(19, "daemons started at once, and syncs beside them", long=30, seconds=120)
def many_at_once(trial: Trial) -> None:
    """One daemon at most stays; who is refused names who holds the lock, and has sent nothing."""
    count = trial.dice.choice((2, 6)) if trial.is_long else 2
    if trial.dice.random() < 0.5:
        trial.sync()  # then the lock file names one who has let go
    daemons, syncs = [], []
    for number in range(count):
        daemons.append(trial.start("run"))
        if number % 2 == 0:
            syncs.append(trial.start("sync"))
    for sync in syncs:
        assert sync.wait(60) == 0, sync.log.text
    trial.wait_for(lambda: _settled(trial, daemons), "one daemon that answers, or none")
    alive = [process for process in daemons if process.runs]
    writers = {process.pid for process in (*alive, *syncs)}
    for process in daemons:
        if process not in alive:
            _was_refused(process, writers)
    one_wrote_at_a_time(trial, len(alive))
    trial.saw(f"{count} daemons: {len(alive)} stayed, {count - len(alive)} refused")
    for process in alive:
        trial.finish(trial.start("stop"))
        process.wait()


def _settled(trial: Trial, daemons: list[Process]) -> bool:
    alive = [process for process in daemons if process.runs]
    return not alive or (len(alive) == 1 and trial.home.answers())


def _was_refused(process: Process, writers: set[int]) -> None:
    assert process.wait() == BUSY, process.log.text
    assert "Traceback" not in process.log.text, process.log.text
    named = re.search(r"is held by the (?:daemon|one-shot) with pid (\d+)", process.log.text)
    assert named, f"it does not say who holds the lock:\n{process.log.text}"
    assert int(named.group(1)) in writers, f"it names another one:\n{process.log.text}"
    assert "run_started" not in process.log.text, "it was refused, and has begun a run"


def one_wrote_at_a_time(trial: Trial, daemons: int) -> None:
    """So many daemons have begun to write, no lock was robbed, and no two runs were at once."""
    started = trial.home.sql("SELECT count(*) FROM sync_events WHERE event = 'daemon_started'")
    assert started == [(daemons,)], f"{started} daemons have begun to write"
    taken = trial.home.sql("SELECT detail FROM sync_events WHERE event = 'lock_recovered'")
    assert taken == [], f"a lock was taken from somebody: {taken}"
    overlapping = trial.home.sql(
        "SELECT a.id, b.id FROM sync_runs a JOIN sync_runs b ON a.id < b.id"
        " AND b.started_at < a.completed_at AND a.started_at < b.completed_at"
    )
    assert overlapping == [], f"runs at the same time: {overlapping}"
