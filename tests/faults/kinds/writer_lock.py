"""20: what may stand in the lock file, and what may become of it."""

from __future__ import annotations

import json
import os
import time

from tests.faults.inside_lock import NO_LOCKS
from tests.faults.oracle import daemon_ended
from tests.faults.programme import fault
from tests.faults.trial import Process, Trial

BUSY, DATABASE = 4, 6
LONGEST_AGO = 10 * 365 * 24 * 3600


@fault(20, "a lock file with a PID that is dead, or another program's", long=20)
def foreign_pids(trial: Trial) -> None:
    """The kernel's lock decides: the next one begins at once, and says from whom it took over."""
    dead = trial.start("sync")
    assert dead.wait() == 0, dead.log.text
    reused = trial.dice.choice((os.getpid(), 1))
    both = (dead.pid, reused)
    for pid in both if trial.is_long else trial.dice.sample(both, 1):
        holder = json.loads(trial.home.lock_file.read_text())
        role = trial.dice.choice(("daemon", "one-shot"))
        left = {**holder, "pid": pid, "role": role, "released_at": None}
        trial.home.lock_file.write_text(json.dumps(left))
        trial.sync()
        recovered = trial.home.sql(
            "SELECT detail FROM sync_events WHERE event = 'lock_recovered' ORDER BY id DESC LIMIT 1"
        )
        assert json.loads(recovered[0][0])["from"]["pid"] == pid, recovered
    trial.home.lock_file.write_bytes(trial.dice.randbytes(trial.dice.randrange(200)))
    trial.sync()
    trial.saw("taken over at once, each time")


@fault(20, "a live holder whose lock file is old; the file is replaced", long=20)
def holder_of_any_age(trial: Trial) -> None:
    """It is never robbed, however old its file looks; without its file it ends."""
    process = trial.daemon()
    for role in ("run", "sync"):
        long_ago = time.time() - trial.dice.uniform(0, LONGEST_AGO)
        os.utime(trial.home.lock_file, (long_ago, long_ago))
        if role == "run":
            _is_refused(trial, trial.start("run"), process.pid)
        else:
            trial.sync()
            assert process.log.text.count('"event": "run_started"') == 2, "not by the daemon"
    trial.unwatch()
    replace = trial.dice.choice((_unlinked, _replaced, _renamed_over))
    replace(trial)
    daemon_ended(process, DATABASE)
    assert "lock_file_replaced" in process.log.text
    trial.saw(f"refused with status {BUSY}; {replace.__name__.strip('_')}: ended with {DATABASE}")


@fault(20, "a file system without kernel locks", long=6)
def no_kernel_locks(trial: Trial) -> None:
    """Refused before anything is written or asked, and in words."""
    for command in ("sync", "run"):
        name = trial.dice.choice(("ENOLCK", "ENOSYS", "EOPNOTSUPP"))
        ended = trial.finish(trial.start(command, inside=f"{NO_LOCKS} {name}"), DATABASE)
        assert "without kernel locks" in ended.log.text, ended.log.text
        assert "TESTIO_DB_PATH" in ended.log.text, ended.log.text
    assert not trial.home.database.exists()
    assert not trial.simulator.requests()
    trial.saw(f"status {DATABASE}, nothing written")


def _is_refused(trial: Trial, process: Process, holder: int) -> None:
    ended = trial.finish(process, BUSY)
    assert f"daemon with pid {holder}" in ended.log.text, ended.log.text


def _unlinked(trial: Trial) -> None:
    trial.home.lock_file.unlink()


def _replaced(trial: Trial) -> None:
    trial.home.lock_file.unlink()
    trial.home.lock_file.write_text("{}")


def _renamed_over(trial: Trial) -> None:
    other = trial.home.folder / "other"
    other.write_text("{}")
    other.replace(trial.home.lock_file)
