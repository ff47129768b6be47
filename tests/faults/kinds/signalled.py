"""2: signals, at random moments of the start, of a run and of the stop; one, or two at once."""

from __future__ import annotations

import json
import signal
import time

from control.protocol import StartRunBody
from tests.faults.inside import BEGINS
from tests.faults.programme import fault
from tests.faults.trial import Process, Trial

ENDING = (signal.SIGTERM, signal.SIGINT)
CANCELLED = 130
LATENCY = 0.02


@fault(2, "SIGTERM and SIGINT to a daemon at work, one or two", long=40, latency_seconds=LATENCY)
def daemon_signalled(trial: Trial) -> None:
    """One ends the run, and the daemon in order. Two end it at once: the run is interrupted."""
    process = trial.daemon()
    trial.unwatch()
    run_id = trial.control.start_run(StartRunBody(force=True)).run_id
    time.sleep(trial.dice.uniform(0, 0.4))
    status, is_one = _signalled(trial, process, ENDING)
    when_two = (CANCELLED, -signal.SIGTERM, -signal.SIGINT)
    assert status == 0 or (not is_one and status in when_two), status
    trial.saw(f"{'one' if is_one else 'two'}: status {status}")
    ended = trial.home.sql("SELECT status FROM sync_runs WHERE id = ?", run_id)
    if status == 0:
        assert ended in ([("cancelled",)], [("success",)]), f"run {run_id} is lost: {ended}"
        assert _was_released(trial), "the lock was not let go"
    if status != 0:
        trial.daemon()  # what ended where it stood has left its socket to the next one


@fault(2, "SIGHUP again and again while a run is at work", long=20, latency_seconds=LATENCY)
def reloaded(trial: Trial) -> None:
    """The run goes on to success, though who has asked for it and follows it is ended as well."""
    process = trial.daemon()
    follower = trial.start("sync", "--force")
    trial.wait_for(lambda: trial.control.status().current_run is not None, "the run")
    sent = trial.dice.randrange(1, 12)
    for _ in range(sent):
        process.signal(signal.SIGHUP)
        time.sleep(trial.dice.uniform(0, 0.03))
    follower.signal(trial.dice.choice((*ENDING, signal.SIGHUP)))
    assert follower.wait() in (0, CANCELLED), follower.log.text
    run = trial.ended(trial.last_run())
    assert run.status == "success", run
    trial.wait_for(lambda: '"event": "reloaded"' in process.log.text, "a reload")
    assert process.log.text.count('"event": "reloaded"') <= sent
    assert process.runs
    trial.saw("the run was a success, and the configuration read again")


@fault(2, "a signal to a daemon that starts", long=40)
def start_signalled(trial: Trial) -> None:
    """SIGHUP waits until it can be acted on; what ends does so at once, or in order."""
    begins = trial.home.folder / "begins"
    process = trial.start("run", inside=f"{BEGINS} {begins}")
    trial.wait_for(begins.exists, "the command's beginning")
    time.sleep(trial.dice.uniform(0, 0.3))
    number = trial.dice.choice((*ENDING, signal.SIGHUP))
    process.signal(number)
    if number == signal.SIGHUP:
        trial.wait_for(lambda: '"event": "reloaded"' in process.log.text, "the reload")
        process.signal(signal.SIGTERM)
    status = process.wait()
    before_it_listened = (CANCELLED, -number) if number in ENDING else ()
    assert status in (0, *before_it_listened), process.log.text
    assert "Traceback" not in process.log.text, process.log.text
    assert status == 0 or not trial.home.sql_count("sync_runs"), "a run had begun"
    trial.saw(f"{signal.Signals(number).name}: status {status}")


@fault(2, "SIGTERM, SIGINT, SIGHUP to a sync, one or two", long=60, latency_seconds=LATENCY)
def sync_signalled(trial: Trial) -> None:
    """The run is cancelled; of two the second ends the process, and the next one says so."""
    begins = trial.home.folder / "begins"
    process = trial.start("sync", inside=f"{BEGINS} {begins}")
    trial.wait_for(begins.exists, "the command's beginning")
    time.sleep(trial.dice.uniform(0, 0.6))
    status, is_one = _signalled(trial, process, (*ENDING, signal.SIGHUP))
    assert "Traceback" not in process.log.text, process.log.text
    if status not in (0, CANCELLED):
        assert status in (-signal.SIGTERM, -signal.SIGHUP), process.log.text
        assert not trial.simulator.requests(), f"ended with {status} in the middle of its work"
    left = trial.home.sql_count("sync_runs") and trial.home.sql("SELECT status FROM sync_runs")
    if is_one and left:
        assert left in ([("cancelled",)], [("success",)]), left
    assert status != 0 or left == [("success",)], left
    trial.saw(f"{'one' if is_one else 'two'}: {'cancelled' if status == CANCELLED else status}")


def _signalled(
    trial: Trial, process: Process, numbers: tuple[signal.Signals, ...]
) -> tuple[int, bool]:
    """Send one signal, or two a short time apart; the exit status, and whether it was one."""
    is_one = trial.dice.random() < 0.5
    process.signal(trial.dice.choice(numbers))
    if not is_one:
        time.sleep(trial.dice.choice((0.0, trial.dice.uniform(0, 0.2))))
        process.signal(trial.dice.choice(numbers))
    return process.wait(), is_one


def _was_released(trial: Trial) -> bool:
    return json.loads(trial.home.lock_file.read_text())["released_at"] is not None
