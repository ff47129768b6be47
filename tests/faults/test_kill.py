"""SIGKILL at random moments of a sync: nothing is lost, nothing lies, the next run heals it all.

FAULT_ROUNDS says how often (`make faults`: 40); FAULT_SEED repeats a failing series.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

from simulator import Simulator
from tests.homes import Home
from tests.oracle import differences

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "4"))
SEED = int(os.environ.get("FAULT_SEED", random.randrange(2**32)))


def test_killed_at_any_moment_nothing_is_lost(
    home: Home, make_simulator: Callable[..., Simulator]
) -> None:
    print(f"FAULT_SEED={SEED}")
    dice = random.Random(SEED)
    home.simulator = make_simulator(products=6, features=5, tests=90, latency_seconds=0.01)
    for _ in range(ROUNDS):
        _kill_one(home, dice)
        _check_what_is_claimed(home)
    home.run("sync")
    assert differences(home.database, home.simulator) == []
    assert home.sql("PRAGMA integrity_check") == [("ok",)]
    assert (
        home.sql("SELECT status FROM sync_runs WHERE status NOT IN ('interrupted', 'success')")
        == []
    )
    assert home.sql("SELECT count(*) FROM freshness WHERE complete_as_of IS NULL") == [(0,)]


def _kill_one(home: Home, dice: random.Random) -> None:
    """Kill a sync some time after its first request."""
    home.simulator.forget_requests()
    process = home.start("sync")
    home.wait_for(
        lambda: bool(home.simulator.requests()) or process.poll() is not None, "the first request"
    )
    time.sleep(dice.uniform(0, 0.5))
    process.send_signal(signal.SIGKILL)
    process.communicate()


def _check_what_is_claimed(home: Home) -> None:
    """What the killed run left behind claims completeness only where it is complete."""
    account = home.simulator.account()
    for kind in ("features", "tests"):
        claimed = home.sql(
            "SELECT product_id, rows FROM freshness WHERE kind = ? AND complete_as_of IS NOT NULL",
            kind,
        )
        wrong = [
            f"product {product_id} claims {rows} {kind}, there are {expected}"
            for product_id, rows in claimed
            if rows != (expected := len(account[kind][str(product_id)]))
        ]
        assert wrong == []
