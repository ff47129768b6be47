"""1: the process dies where it stands."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from storage.engine.revision import REVISION
from tests.faults.inside_kill import AT_COMMIT, AT_STATEMENT
from tests.faults.programme import fault
from tests.faults.trial import Process, Trial
from tests.old_mirrors import make_old, revision_of

COMMITS = 60
"""More than any of these commands makes of this account, even if none of them share a page.

That it is enough is checked: a command that is to die at the last of them has to come to its end.
"""
STATEMENTS_OF_A_MIGRATION = 120
TITLE = "renamed upstream"


@fault(1, "SIGKILL at a random moment of a full sync", long=140, latency_seconds=0.02)
def killed_at_random(trial: Trial) -> None:
    process = trial.start("sync")
    _first_request(trial, process)
    time.sleep(trial.dice.uniform(0, 0.4))
    process.signal(signal.SIGKILL)
    _claims_hold(trial, process)


@fault(1, "SIGKILL at a commit of a full sync", long=2 * COMMITS)
def killed_at_a_commit(trial: Trial) -> None:
    """Before and after each in turn; at random in the short form."""
    nth, inside = _commit(trial)
    process = trial.start("sync", inside=inside)
    _claims_hold(trial, process)
    _all_were_tried(nth, process)


@fault(1, "SIGKILL of the daemon at a commit: start, first run, stop", long=2 * COMMITS)
def daemon_killed_at_a_commit(trial: Trial) -> None:
    """It comes up again, as a service manager would have it, and goes on."""
    nth, inside = _commit(trial)
    process = trial.start("run", inside=inside)
    trial.wait_for(lambda: _has_ended_a_run(trial) or not process.runs, "the first run")
    process.signal(signal.SIGTERM)
    _claims_hold(trial, process)
    _all_were_tried(nth, process)
    trial.daemon()


@fault(
    1,
    "SIGKILL of the daemon at a random moment: a run, a stop",
    short=0,
    long=60,
    latency_seconds=0.02,
)
def daemon_killed_at_random(trial: Trial) -> None:
    process = trial.start("run")
    _first_request(trial, process)
    time.sleep(trial.dice.uniform(0, 0.4))
    if trial.dice.random() < 0.5:
        process.signal(signal.SIGTERM)
        time.sleep(trial.dice.uniform(0, 0.15))
    process.signal(signal.SIGKILL)
    _claims_hold(trial, process)
    trial.daemon()


@fault(1, "SIGKILL at a commit of a fresh start", long=2 * COMMITS)
def fresh_start_killed(trial: Trial) -> None:
    """The mirror is the old one or the new one, whole, and nothing in between."""
    trial.sync()
    trial.remember()
    before = _titles(trial)
    test_id = trial.tests(trial.products()[0])[0]
    trial.simulator.mutate("change", "test", id=test_id, fields={"title": TITLE})
    nth, inside = _commit(trial)
    process = trial.start("sync", "--nuke", "--yes", inside=inside)
    _claims_hold(trial, process)
    _all_were_tried(nth, process)
    now = _titles(trial)
    assert now in (before, before | {test_id: TITLE}), "neither the old mirror nor the new one"
    trial.saw("the old mirror stood" if now == before else "the new one stood")


@fault(1, "SIGKILL at a statement of a migration", long=40)
def migration_killed(trial: Trial) -> None:
    make_old(trial.home.database, "0001")
    number = trial.dice.randrange(1, STATEMENTS_OF_A_MIGRATION)
    command = trial.dice.choice(("sync", "run"))
    process = trial.start(command, inside=f"{AT_STATEMENT} {number} 0")
    trial.wait_for(lambda: _has_ended_a_run(trial) or not process.runs, "the end")
    process.signal(signal.SIGKILL)
    process.wait()
    revision = revision_of(trial.home.database)
    assert revision in ("0001", REVISION), f"between two schemas: {revision}"
    trial.saw(f"schema {'old' if revision == '0001' else 'new'} after the kill")
    trial.sync()
    backups = list(trial.home.folder.glob("*.bak"))
    assert backups, "no backup was made"
    assert not list(trial.home.folder.glob(".*.tmp*")), "half a backup was left"
    for backup in backups:
        assert _integrity(backup) == "ok", f"{backup.name} is no whole backup"
        assert revision_of(backup) == "0001", backup


@fault(1, "SIGKILL of a backup", long=20)
def backup_killed(trial: Trial) -> None:
    """The copy is there, whole, or it is not there; the next one leaves nothing of the first."""
    trial.sync()
    target = trial.home.folder / "copies" / "mirror.db"
    target.parent.mkdir()
    number, later = trial.dice.randrange(1, 9), trial.dice.choice((0.0, 0.5, 2.0))
    process = trial.start("backup", str(target), inside=f"{AT_STATEMENT} {number} {later}")
    process.wait()
    trial.saw("whole" if target.exists() else "none")
    assert not target.exists() or _integrity(target) == "ok"
    for left in target.parent.glob(".*.tmp*"):
        os.utime(left, (0, 0))  # long ago: what is young may be another one's at work
    trial.finish(trial.start("backup", "--force", str(target)))
    assert _integrity(target) == "ok"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


@fault(1, "SIGKILL in the middle of a checkpoint", short=0, long=40)
def checkpoint_killed(trial: Trial) -> None:
    number, later = trial.dice.randrange(1, 4), trial.dice.uniform(0, 4)
    inside = f"{AT_STATEMENT} {number} {later:.2f} PRAGMA wal_checkpoint"
    _claims_hold(trial, trial.start("sync", inside=inside))


def _commit(trial: Trial) -> tuple[int, str]:
    """Which half of which commit it is to die at, and what is to be done inside for that."""
    nth = trial.number if trial.is_long else trial.dice.randrange(COMMITS)
    moment = ("before", "after")[nth % 2]
    return nth, f"{AT_COMMIT} {nth // 2 + 1} {moment}"


def _all_were_tried(nth: int, process: Process) -> None:
    """The command has no more commits than COMMITS."""
    if nth // 2 + 1 == COMMITS:
        assert process.wait() == 0, "there are commits that were not tried: raise COMMITS"


def _first_request(trial: Trial, process: Process) -> None:
    trial.wait_for(
        lambda: bool(trial.simulator.requests()) or not process.runs, "the first request"
    )


def _has_ended_a_run(trial: Trial) -> bool:
    try:
        ended = trial.home.sql("SELECT 1 FROM sync_runs WHERE status NOT IN ('running')")
    except sqlite3.OperationalError:
        return False
    return bool(ended)


def _titles(trial: Trial) -> dict[int, Any]:
    return dict(trial.home.sql("SELECT id, title FROM tests WHERE deleted_at IS NULL"))


def _integrity(path: Path) -> str:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])


def _claims_hold(trial: Trial, process: Process) -> None:
    """What is called complete is complete, whenever the process died."""
    status = process.wait()
    assert status in (0, -signal.SIGKILL), f"ended with {status}\n{process.log.text}"
    trial.saw("killed" if status else "had ended before")
    if not trial.home.sql_count("products"):
        return
    account = trial.simulator.account()
    for product_id, kind, rows in trial.home.sql(
        "SELECT product_id, kind, rows FROM freshness"
        " WHERE complete_as_of IS NOT NULL AND product_id <> 0"
    ):
        truth = len(account[kind][str(product_id)])
        assert rows == truth, f"product {product_id} claims {rows} {kind}, there are {truth}"
    trial.remember()
