"""21: a thread that is no actor meets an exception that nobody thought of."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from control.errors import ControlError, NoDaemon
from control.protocol import FetchBody
from rules.model import Kind
from tests.faults.inside_actors import WAYS
from tests.faults.inside_threads import STEPS
from tests.faults.programme import fault
from tests.faults.raw import ask
from tests.faults.trial import Process, Trial
from tests.faults.witness import holdings

WHICH = sorted(STEPS)
COMING_AND_GOING = ("waitress-", "testio-fetch")
"""Threads of pools; their number is no sign."""


@fault(21, "a thread meets an exception", long=2 * len(WHICH))
def thread_ended(trial: Trial) -> None:
    """Each by both ways of raising; one at random in the short form."""
    number = trial.number if trial.is_long else trial.dice.randrange(2 * len(WHICH))
    which, way = WHICH[number // 2], list(WAYS)[number % 2]
    print(f"{which} meets a {way}")
    armed = trial.home.folder / "armed"
    trial.may_trace = True
    trial.home.settings |= {
        "TESTIO_METRICS_ADDRESS": "127.0.0.1:0",
        "TESTIO_NOTIFY_COMMAND": "/bin/true",
    }
    inside = f"tests.faults.inside_threads:end_thread {which} {way} {armed}"
    if which == "deadlines":  # it sleeps until a request is late: only its first step is near
        armed.touch()
    process = trial.daemon("--interval", "3600", inside=inside)
    before = _threads(trial, process)
    assert trial.witness is not None
    with trial.witness.looking_away():  # one that asks just then is answered with 500
        if which != "deadlines":
            armed.touch()
        PROVOKE[which](trial)
        trial.wait_for(lambda: not armed.exists(), f"the end of {which}")
        trial.wait_for(lambda: "a fault" in process.log.text, "a word in the log")
        trial.wait_for(trial.home.answers, "an answer")
    PROVOKE[which](trial)
    after = _threads(trial, process)
    assert after == before, f"threads: {before - after} have gone, {after - before} are new"
    _ticks(trial)
    if which == "fetcher":
        trial.baseline = holdings(process.pid)  # its pool has grown to what was asked of it
    trial.saw(f"{which}: in the log, and it goes on")


def _threads(trial: Trial, process: Process) -> set[str]:
    """The names of the daemon's threads, as it tells them itself."""
    seen = len(process.log.lines)
    process.signal(signal.SIGUSR1)

    def told() -> set[str]:
        stacks = [json.loads(line) for line in process.log.lines[seen:] if "thread_stack" in line]
        return {stack["thread_name"] for stack in stacks}

    trial.wait_for(lambda: "MainThread" in told(), "the threads")
    _run(trial)  # the lines come one after another: by the end of a run they are there
    return {name for name in told() if not name.startswith(COMING_AND_GOING)}


def _ticks(trial: Trial) -> None:
    """Periodic runs come still."""
    before = trial.last_run()
    trial.control.set_interval(1)
    trial.wait_for(lambda: trial.last_run() > before, "a periodic run")
    trial.control.set_interval(None)


def _run(trial: Trial) -> None:
    trial.run(force=True)


def _status(trial: Trial) -> None:
    with suppress(ControlError, NoDaemon):
        trial.control.status()


def _metrics(trial: Trial) -> None:
    ask(trial.control.path, "GET", "/metrics")


def _fetch(trial: Trial) -> None:
    product_id = trial.dice.choice(trial.products())
    with suppress(ControlError):
        trial.control.fetch(
            FetchBody(kind=Kind.FEATURES, product_ids=[product_id], not_before=datetime.now(UTC))
        )


def _signal(number: int) -> Callable[[Trial], None]:
    def send(trial: Trial) -> None:
        assert trial.daemon_process is not None
        trial.daemon_process.signal(number)

    return send


def _nothing(_trial: Trial) -> None:
    """It comes by itself."""


PROVOKE: dict[str, Callable[[Trial], None]] = {
    "accepting": _status,
    "control": _status,
    "metrics": _nothing,
    "answering": _status,
    "metrics-page": _metrics,
    "pulse": _nothing,
    "deadlines": _run,
    "messenger": _run,
    "signals": _signal(signal.SIGUSR1),
    "reload": _signal(signal.SIGHUP),
    "lookout": _nothing,
    "fetcher": _fetch,
    "watcher": _run,
}
