"""16 and 17: connections that break or are dead, names that are not resolved."""

from __future__ import annotations

import time
from pathlib import Path

from control.protocol import StartRunBody
from tests.faults.inside import SHORT_PAUSES
from tests.faults.programme import fault
from tests.faults.trial import Trial

CONNECTIONS = 10
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


@fault(17, "no name is resolved for many intervals", long=20, seconds=200)
def no_names(trial: Trial) -> None:
    """A quarter of an hour is an interval here: an hour is four of them, pauses are scaled too.

    Look-ups fail at once, or each takes its time to fail, as resolvers do.
    """
    interval, cycles = (2.0, trial.dice.randrange(4, 13)) if trial.is_long else (0.5, 4)
    takes = trial.dice.choice((0.0, 0.0, 0.2 * interval))
    flag, calls = trial.home.folder / "no-names", trial.home.folder / "look-ups"
    trial.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = trial.simulator.base_url.replace(
        "127.0.0.1", "localhost"
    )
    names = f"tests.faults.names:names_fail {flag} {calls} {takes}"
    trial.daemon(inside=f"{SHORT_PAUSES};{names}")
    flag.touch()
    trial.simulator.drop_connections()
    before = trial.last_run()
    trial.control.set_interval(interval)
    trial.wait_for(lambda: trial.last_run() > before + cycles, f"{cycles} runs without names")
    ended = trial.home.sql(
        "SELECT status, count(*) FROM sync_runs WHERE id > ? AND status <> 'running'"
        " GROUP BY status",
        before,
    )
    assert {status for status, _ in ended} <= {"failed", "partial"}, ended
    looked_up, runs = _size(calls), trial.last_run() - before
    assert looked_up <= 30 * runs, f"{looked_up} look-ups in {runs} runs"
    flag.unlink()
    healed, after = time.monotonic(), trial.last_run()
    trial.wait_for(lambda: _is_fresh_since(trial, after), "a fresh mirror")
    late = time.monotonic() - healed
    trial.control.set_interval(0)
    trial.saw(f"{looked_up // runs} look-ups a run; fresh {late / interval:.1f} intervals after")


def _is_fresh_since(trial: Trial, run_id: int) -> bool:
    return bool(
        trial.home.sql("SELECT 1 FROM sync_runs WHERE id > ? AND status = 'success'", run_id)
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
