"""16 and 17: connections that break or are dead, names that are not resolved."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from control.protocol import StartRunBody
from tests.faults.inside import SHORT_PAUSES
from tests.faults.programme import fault
from tests.faults.trial import Trial

FIRST_RUN, EACH_RUN = 10, 5
"""The most look-ups: until it is known that the whole remote fails, and after that."""
WORKS_ITSELF_OUT = ("success", "partial", "failed")


@fault(16, "resets in a body, dead connections, a restart", long=40, latency_seconds=0.005)
def broken_connections(trial: Trial) -> None:
    """One daemon through all of it: what was kept open is dead when it is used again."""
    trial.daemon(inside=SHORT_PAUSES)
    times, after = trial.dice.randrange(1, 4), trial.dice.choice((None, 0, 1, 100, 3000))
    with trial.hit(kind="reset", after_bytes=after, times=times):
        run = trial.run(force=True)
    assert run.status == "success", run
    trial.saw("resets: tried again, success")
    half, seconds = trial.dice.random() < 0.5, trial.dice.choice((0.0, 0.0, 0.001, 0.02))
    with trial.hit(kind="hang_up", half=half, seconds=seconds):
        run = trial.run(force=True)
    assert run.status == "success" or seconds, run
    trial.saw(f"hung up after each answer: {run.status}")
    _back(trial)
    trial.simulator.drop_connections()
    run = trial.run()
    assert run.status == "success", run
    trial.saw("idle connections closed: success")
    _dropped_and_restarted(trial)


def _dropped_and_restarted(trial: Trial) -> None:
    """In the middle of a run."""
    trial.simulator.forget_requests()
    run_id = trial.control.start_run(StartRunBody(force=True)).run_id
    assert run_id is not None
    trial.wait_for(lambda: len(trial.simulator.requests()) > 0, "the first request")
    time.sleep(trial.dice.uniform(0, 0.05))
    trial.simulator.drop_connections()
    time.sleep(trial.dice.uniform(0, 0.02))
    with trial.simulator.away():
        time.sleep(trial.dice.uniform(0, 0.3))
    run = trial.ended(run_id)
    assert run.status in WORKS_ITSELF_OUT, run
    trial.saw(f"a restart on the same port: {run.status}")


def _back(trial: Trial) -> None:
    trial.wait_for(lambda: trial.run().status == "success", "a run after the fault")


@fault(17, "no name is resolved for an hour", long=20, seconds=400)
def no_names(trial: Trial) -> None:
    """An hour is four intervals of 900 s with pauses of up to 30 s between the client's probes.

    Here an interval is 1 or 2 s and such a pause 0.1 s, and there are up to twelve intervals; one
    in ten of the long form has the true pauses, and intervals of 40 s. Look-ups fail at once, or
    each takes its time to fail, as resolvers do.
    """
    is_true = trial.is_long and trial.number % 10 == 0
    cycles = trial.dice.randrange(4, 13) if trial.is_long and not is_true else 3
    interval = 40.0 if is_true else trial.dice.choice((1.0, 2.0)) if trial.is_long else 1.0
    takes = trial.dice.choice((0.0, 0.1))
    flag, calls = trial.home.folder / "no-names", trial.home.folder / "look-ups"
    trial.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = trial.simulator.base_url.replace(
        "127.0.0.1", "localhost"
    )
    names = f"tests.faults.names:names_fail {flag} {calls} {takes}"
    trial.daemon(inside=names if is_true else f"tests.faults.names:hour_in_seconds;{names}")
    runs, looked_up = _outage(trial, flag, calls, interval, cycles)
    assert looked_up <= FIRST_RUN + EACH_RUN * runs, f"{looked_up} look-ups in {runs} runs"
    first = trial.last_run() + 1
    _by(2 * interval + 60, lambda: trial.last_run() >= first, "a run with names")
    trial.control.set_interval(0)
    run = trial.ended(first)
    assert run.status == "success", f"the first run with names: {run}"
    trial.others_are_fresh(run)
    pauses = "true pauses" if is_true else "scaled"
    trial.saw(f"{pauses}: {looked_up // runs} look-ups a run; fresh with the next run")


def _outage(trial: Trial, flag: Path, calls: Path, interval: float, cycles: int) -> tuple[int, int]:
    """How many runs there were without names, and how many look-ups."""
    flag.touch()
    trial.simulator.drop_connections()
    before = trial.last_run()
    trial.control.set_interval(interval)
    _by((cycles + 2) * interval + 60, lambda: trial.last_run() > before + cycles, "these runs")
    trial.quiet()
    looked_up, runs = _size(calls), trial.last_run() - before
    flag.unlink()
    statuses = trial.home.sql("SELECT DISTINCT status FROM sync_runs WHERE id > ?", before)
    assert statuses == [("failed",)], statuses
    return runs, looked_up


def _by(seconds: float, holds: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up_at, f"{what} did not come within {seconds} s"
        time.sleep(0.05)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
