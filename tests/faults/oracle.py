"""What must hold after every fault and one clean cycle, whatever the fault was.

I1 the file is sound · I2 the mirror equals the account, and nothing was erased · I3 each run has
one end · I4 success only where all is complete · I5 other products are as fresh as without the
fault (`Trial.others_are_fresh`, during the fault) · I6 the socket answers within a second · I7
nothing is left behind. And: the log is one JSON object a line, without the token.
"""

from __future__ import annotations

import base64
import json
import signal
import time
import urllib.parse
from pathlib import Path

from storage.replacing.fresh_start import staging_path
from tests.faults.trial import TABLES, Process, Trial
from tests.faults.witness import holdings, with_mark
from tests.homes import MARK
from tests.oracle import differences

SPARE_HANDLES = 2 * 8 + 10
"""What comes and goes: two files for each kept reader of the database, connections to the remote.

A leak of one handle a run is found by the soak, which looks at the figure of an hour.
"""
LAST_STEP_SECONDS = 5.0
"""A worker that was replaced ends with the step that it is at."""
HELD_BACK = "the remote has just failed"
ALL = 2**62
SAYS_WHY = "testio-sync: "
"""Begins the last line of a command that failed, which is for a person."""
LONGEST_LOG = 20_000_000


def judge(trial: Trial) -> None:
    """A clean cycle, a forced one, the end; then everything that must hold."""
    runs = trial.daemon_process is not None and trial.daemon_process.runs
    if runs:
        clean_cycles_of_the_daemon(trial)
        trial.stop()
    else:
        trial.sync(expect=None)
        trial.sync("--force")
    nothing_is_left(trial)  # first: who looks into the database opens its log again
    mirror_is_true(trial)
    runs_have_one_end(trial)
    success_means_complete(trial)
    log_is_clean(trial)


def clean_cycles_of_the_daemon(trial: Trial) -> None:
    """Over the socket; I6 and the half of I7 that can be seen only while it runs."""
    assert trial.daemon_process is not None
    assert trial.witness is not None
    trial.quiet()
    clean_cycle(trial)
    forced = trial.run(force=True)
    assert forced.status == "success", f"the forced run: {forced.model_dump_json()}"
    trial.quiet()
    if trial.baseline is not None:
        before, pid = trial.baseline, trial.daemon_process.pid
        give_up_at = time.monotonic() + LAST_STEP_SECONDS
        while holdings(pid).threads > before.threads and time.monotonic() < give_up_at:
            time.sleep(0.05)
        now = holdings(pid)
        assert now.threads <= before.threads, f"I7: threads {before.threads} → {now.threads}"
        assert set(now.files) <= set(before.files), f"I7: {set(now.files) - set(before.files)}"
        most = len(before.files) + before.sockets + SPARE_HANDLES
        assert len(now.files) + now.sockets <= most, f"I7: {before}\n{now}"
        assert now.children == (), f"I7: children {now.children}"
    answers_in_time(trial)


def clean_cycle(trial: Trial) -> None:
    """The first run for which the daemon asks the remote again; it holds back after an outage."""
    give_up_at = time.monotonic() + trial.patience
    while True:
        run = trial.run()
        held_back = [problem.message for problem in run.errors if HELD_BACK in problem.message]
        if not held_back:
            return
        assert time.monotonic() < give_up_at, f"after {trial.patience} s still: {held_back[0]}"
        time.sleep(0.2)


def answers_in_time(trial: Trial) -> None:
    """I6."""
    witness = trial.witness
    assert witness is not None
    trial.wait_for(lambda: witness.answers > 0 or bool(witness.unanswered), "an answer (I6)")
    assert not witness.unanswered, f"I6: the socket did not answer: {witness.unanswered[:3]}"
    assert witness.slowest <= trial.answers_within, f"I6: an answer took {witness.slowest:.2f} s"


def mirror_is_true(trial: Trial) -> None:
    """I1 and I2."""
    sql = trial.home.sql
    assert sql("PRAGMA integrity_check") == [("ok",)], "I1"
    assert sql("PRAGMA foreign_key_check") == [], "I1"
    wrong = differences(trial.home.database, trial.simulator)
    assert wrong == [], f"I2: {len(wrong)} differences: {wrong[:5]}"
    for table in TABLES:
        erased = trial.known.get(table, set()) - {key for (key,) in sql(f"SELECT id FROM {table}")}
        assert not erased, f"I2: {table} erased: {sorted(erased)[:5]}"


def runs_have_one_end(trial: Trial, but: int = 0) -> None:
    """I3: in `sync_runs` and in `sync_events`. `but`: a run that may be at work."""
    sql, end = trial.home.sql, but or ALL
    running = sql("SELECT id, status FROM sync_runs WHERE status = 'running' AND id < ?", end)
    assert not running, f"I3: {running}"
    ends = sql(
        "SELECT r.id, r.status, count(e.id) FROM sync_runs r LEFT JOIN sync_events e"
        " ON e.run_id = r.id AND e.event IN ('run_finished', 'run_interrupted') WHERE r.id < ?"
        " GROUP BY r.id HAVING count(e.id) <> 1 OR r.status <> max(e.outcome)",
        end,
    )
    assert not ends, f"I3: runs without exactly one end: {ends}"
    lasting = sql("SELECT id FROM sync_events WHERE duration_seconds < 0")
    assert not lasting, f"I3: events with a negative duration: {lasting}"


def success_means_complete(trial: Trial) -> None:
    """I4, and after a forced success everything is complete."""
    no_false_success(trial)
    unknown = trial.home.sql("SELECT product_id, kind FROM freshness WHERE complete_as_of IS NULL")
    assert not unknown, f"I4: after a forced success these are not complete: {unknown}"


def no_false_success(trial: Trial) -> None:
    """I4: no run of which something failed is called a success."""
    sql = trial.home.sql
    false = sql(
        "SELECT r.id, e.event, e.product_id, e.outcome FROM sync_runs r JOIN sync_events e"
        " ON e.run_id = r.id WHERE r.status = 'success'"
        " AND e.event IN ('product_synced', 'product_failed', 'product_skipped', 'phase_finished')"
        " AND e.outcome <> 'complete'"
    )
    assert not false, f"I4: success, although: {false}"
    short = sql("SELECT id FROM sync_runs WHERE status = 'success' AND phases_completed <> phases")
    assert not short, f"I4: success with phases missing: {short}"


def log_is_clean(trial: Trial) -> None:
    """Every line of a daemon's log is one JSON object; nobody says the token.

    One that could not come up says why in a line for people, which is its last.
    """
    secrets = spellings(trial.home.token)
    for process in trial.processes:
        is_daemon = process.launched.args[1:2] == ["run"]
        lines = list(process.log.lines)
        for line in lines:
            told = [secret for secret in secrets if secret in line]
            assert not told, f"the token stands in the log: {line}"
        if is_daemon and process.launched.poll() and lines[-1:] and lines[-1].startswith(SAYS_WHY):
            del lines[-1]
        for line in lines if is_daemon else ():
            assert _is_object(line), f"not a JSON object: {line!r}"
        assert len(process.log.text) < LONGEST_LOG, "the log has grown beyond all measure"


def spellings(token: str) -> tuple[str, ...]:
    """The token as it is, in base64 and URL-encoded."""
    plain = base64.b64encode(token.encode()).decode().rstrip("=")
    return (token, plain, urllib.parse.quote(token, safe=""))


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def nothing_is_left(trial: Trial) -> None:
    """I7, after the end: no process, no socket, no staging file, no log of the database."""
    alive = [process.launched.args for process in trial.processes if process.runs]
    assert not alive, f"I7: still running: {alive}"
    children = with_mark(f"{MARK}={trial.home.mark}")
    assert not children, f"I7: processes left behind: {[_command(pid) for pid in children]}"
    left = [
        path.name
        for path in (
            *([] if _was_killed(trial) else [trial.control.path]),
            *trial.home.database.parent.glob(f"{trial.home.database.name}-*"),
            *trial.home.database.parent.glob(staging_path(trial.home.database, 0).name[:-1] + "*"),
        )
        if path.exists()
    ]
    assert not left, f"I7: files left behind: {left}"


def _was_killed(trial: Trial) -> bool:
    """Whether the last daemon was: it leaves its socket to the next one, which takes its place."""
    daemons = [p.launched for p in trial.processes if p.launched.args[1:2] == ["run"]]
    return bool(daemons) and daemons[-1].poll() == -signal.SIGKILL


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return f"pid {pid}"


def daemon_ended(process: Process, status: int) -> None:
    """It has ended by itself, with this exit status, and said why in its log."""
    ended = process.wait()
    assert ended == status, f"the daemon ended with {ended}, not {status}:\n{process.log.text}"
