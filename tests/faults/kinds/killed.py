"""1: the process dies where it stands."""

from __future__ import annotations

import signal
import time

from tests.faults.programme import fault
from tests.faults.trial import Process, Trial

COMMITS = 40
"""More than a full sync of the account has; a number beyond the last one kills nothing."""


@fault(1, "SIGKILL at a random moment of a full sync", short=2, long=200, latency_seconds=0.02)
def killed_at_random(trial: Trial) -> None:
    process = trial.start("sync")
    trial.wait_for(
        lambda: bool(trial.simulator.requests()) or not process.runs, "the first request"
    )
    time.sleep(trial.dice.uniform(0, 0.4))
    process.signal(signal.SIGKILL)
    _claims_hold(trial, process)


@fault(1, "SIGKILL at a commit of a full sync", short=2, long=2 * COMMITS)
def killed_at_a_commit(trial: Trial) -> None:
    """Before and after each in turn; at random in the short form."""
    nth = trial.dice.randrange(2 * COMMITS) if trial.number < 2 else trial.number
    moment = ("before", "after")[nth % 2]
    inside = f"tests.faults.inside:kill_at_commit {nth // 2 + 1} {moment}"
    _claims_hold(trial, trial.start("sync", inside=inside))


def _claims_hold(trial: Trial, process: Process) -> None:
    """What is called complete is complete, whenever the process died."""
    status = process.wait()
    assert status in (0, -signal.SIGKILL), process.log.text
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
