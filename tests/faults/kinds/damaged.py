"""5: the database is damaged, cannot be written, or is another one all of a sudden."""

from __future__ import annotations

import shutil
import signal
import time

from tests import damage
from tests.damage import contents
from tests.faults.oracle import daemon_ended
from tests.faults.programme import fault
from tests.faults.trial import Trial

DAMAGED, UNUSABLE, WHOLE = 9, 6, 2
AT_REST = (
    *(damage.flip_page, damage.truncate),
    *(damage.overwrite_header, damage.lose_schema, damage.not_sqlite),
)


@fault(5, "the database damaged at rest", short=1, long=60)
def damaged_at_rest(trial: Trial) -> None:
    trial.sync()
    how = AT_REST[trial.number % len(AT_REST)] if trial.number else trial.dice.choice(AT_REST)
    said = how(trial.home.database, trial.dice)
    before = contents(trial.home.database)
    _start_and_rebuild(trial, before, said, how.__name__.replace("_", " "))


@fault(5, "the log of the database torn after SIGKILL", long=30, latency_seconds=0.01)
def torn_log(trial: Trial) -> None:
    process = trial.start("sync")
    trial.wait_for(lambda: trial.home.sql_count("features") > 0, "the first features")
    time.sleep(trial.dice.uniform(0, 0.1))
    process.signal(signal.SIGKILL)
    process.wait()
    if not contents(trial.home.database).get(f"{trial.home.database.name}-wal"):
        trial.saw("had ended before")
        return
    said = damage.tear_wal(trial.home.database, trial.dice)
    _start_and_rebuild(trial, contents(trial.home.database), said, "torn log")


def _start_and_rebuild(trial: Trial, before: dict[str, bytes], said: str, kind: str) -> None:
    """The daemon refuses what is damaged and leaves it as it is; `rebuild` mends all of it."""
    process = trial.start("run")
    trial.wait_for(lambda: not process.runs or trial.home.answers(), "an answer, or the end")
    if process.runs:
        trial.saw(f"{kind}: whole for SQLite")
        process.signal(signal.SIGTERM)
        assert process.wait() in (0, DAMAGED), f"{said}: {process.log.text}"
    else:
        trial.saw(f"{kind}: status 9, files untouched")
        daemon_ended(process, DAMAGED)
        assert contents(trial.home.database) == before, f"{said}: the files have changed"
    rebuilt = trial.start("rebuild", "--yes", "--force")
    status = rebuilt.wait()
    assert status in (0, WHOLE), f"{said}: rebuild ended with {status}\n{rebuilt.log.text}"
    trial.known.clear()  # what could not be read is fetched anew


@fault(5, "the database replaced under the daemon", long=10)
def replaced(trial: Trial) -> None:
    copy = trial.home.folder / "copy.db"
    process = trial.daemon()
    trial.unwatch()
    shutil.copy(trial.home.database, copy)
    given = copy.read_bytes()
    copy.replace(trial.home.database)
    daemon_ended(process, UNUSABLE)
    trial.daemon_process = None
    assert trial.home.database.read_bytes() == given, "the new file was written to"
    for suffix in ("-wal", "-shm"):  # of the file that is gone
        trial.home.database.with_name(trial.home.database.name + suffix).unlink(missing_ok=True)
    trial.saw("status 6, the new file untouched")


@fault(5, "the database read-only", long=10)
def read_only(trial: Trial) -> None:
    trial.sync()
    before = contents(trial.home.database)
    trial.home.database.chmod(0o400)
    try:
        process = trial.start("run", inside="tests.faults.inside:without_privileges")
        daemon_ended(process, UNUSABLE)
        assert "cannot be opened for writing" in process.log.text, process.log.text
    finally:
        trial.home.database.chmod(0o600)
    assert contents(trial.home.database) == before
    trial.saw("status 6, the file untouched")
