"""32: the machine gives no more threads, or no more open files."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

from tests.faults.kinds.strangers import IS_ROOT, NOT_TRIED, open_folder
from tests.faults.programme import fault
from tests.faults.trial import Trial
from tests.odd import NOT_LISTED

ROLES = (("scheduler", "Beat"), ("mirror", "StorePage"), ("products-phase", "RunPhase"))
CLIENTS = 60


@fault(32, "an actor crashes, and no thread can be started")
def no_threads(trial: Trial) -> None:
    """Its role stays empty, which health tells, until there is a thread again."""
    if not IS_ROOT:
        trial.sync()
        trial.saw(NOT_TRIED)
        return
    folder = trial.home.folder = trial.afterwards.enter_context(open_folder())
    os.chown(folder, NOT_LISTED, NOT_LISTED)
    trial.home.settings["HOME"] = str(folder)
    trial.inside = f"tests.odd:few_threads {folder}/scarce;tests.odd:become"
    trial.may_trace = True
    role, message = trial.dice.choice(ROLES)
    at = f"{role} {message} RuntimeError before {folder}/armed"
    process = trial.daemon(inside=f"tests.faults.inside_actors:crash_at {at}")
    assert trial.witness is not None
    with trial.witness.looking_away():  # the status says with 503 which role has no thread
        (folder / "scarce").touch()
        (folder / "armed").touch()
        trial.finish(trial.start("sync", "--force"), None)
        trial.wait_for(lambda: role in _missing(trial), "that the role is empty")
        assert process.runs, process.log.text
        (folder / "scarce").unlink()
        trial.wait_for(lambda: not _missing(trial), "that all roles are filled")
    trial.saw(f"{role}: empty, told, and filled again")


@fault(32, "64 open files, and more clients than that", products=8, latency_seconds=0.02)
def few_files(trial: Trial) -> None:
    """The daemon's own work comes first; who hangs on waits."""
    process = trial.daemon("--interval", "1", inside="tests.odd:files 64")
    assert trial.witness is not None
    with trial.witness.looking_away(), ExitStack() as stack:
        for _ in range(CLIENTS):  # each has begun a request, and never ends it
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(trial.control.path))
            client.sendall(b"GET /v1/status HTTP/1.1\r\n")
        trial.wait_for(lambda: "control_connections_full" in process.log.text, "a word of it")
        before = trial.last_run() + 1  # the one after that has begun among all those clients
        trial.wait_for(lambda: trial.last_run() > before, "the next runs")
        assert trial.home.wait_for_run(before + 1) == "success", process.log.text
    trial.wait_for(trial.home.answers, "an answer")
    trial.control.set_interval(0)
    trial.quiet()
    assert "Too many open files" not in process.log.text, process.log.text
    trial.saw("told once they are too many; runs and answers go on")


def _missing(trial: Trial) -> set[str]:
    verdict = trial.control.health()
    found = (*verdict.reasons, *verdict.warnings)
    return {each.where for each in found if each.check == "actor_missing"}
