"""Lives of the whole actor system, each from a seed: the same seed gives the same life.

The default suite lives a few hundred, always the same ones. `make simulation` lives thousands that
nobody has seen (SIMULATION_SEEDS says how many), and SIMULATION_SEED=n lives one again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from actors.coordinator import Coordinator
from actors.messages import RunTicket
from actors.phase import PhaseActor
from rules.model import RunStatus
from rules.run import outcome
from tests.simulation.life import Life

FIRST = int(os.environ.get("SIMULATION_FROM", "0"))
ONE = os.environ.get("SIMULATION_SEED")
SEEDS = [int(ONE)] if ONE else range(FIRST, FIRST + int(os.environ.get("SIMULATION_SEEDS", "200")))
AT_ONCE = 50
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A failing life prints its own trace, and log lines cost half of the time."""
    with quiet():
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is logged within the block."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        structlog.configure(**before)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("first", range(0, len(SEEDS), AT_ONCE))
def test_every_rule_holds_in_every_life(first: int) -> None:
    for seed in SEEDS[first : first + AT_ONCE]:
        Life(seed).live()


def digest(seed: int) -> str:
    """What happened in this life, in short."""
    life = Life(seed)
    life.live()
    return hashlib.sha256("\n".join(life.trace()).encode()).hexdigest()


def test_the_same_seed_gives_the_same_life_in_every_process() -> None:
    """Whatever the order of sets of strings, the addresses of objects, the actors before."""
    here = [digest(seed) for seed in range(12)]
    assert len(set(here)) == len(here), "other seeds, other lives"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.simulation.test_lives", "12"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert ended.stdout.split() == here, ended.stderr


# -- what the lives find -----------------------------------------------------------------------


def found_in(seeds: range) -> str:
    """What the first of these lives that fails says."""
    for seed in seeds:
        try:
            Life(seed).live()
        except AssertionError as error:
            said = str(error)
            break
    else:
        return f"nothing in {len(seeds)} lives"
    assert f"SIMULATION_SEED={seed}" in said
    return said


def ticks_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that comes during a run leaves no word."""
    original: Any = Coordinator._tick

    def tick(self: Any, message: Any) -> None:
        if self._current is None:
            original(self, message)

    monkeypatch.setattr(Coordinator, "_tick", tick)


def failures_are_successes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the products came to."""
    monkeypatch.setattr(outcome, "run_status", lambda *_, **__: RunStatus.SUCCESS)


def runs_are_never_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sees that a run was cancelled."""
    monkeypatch.setattr(RunTicket, "is_over", False)


def lost_products_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was with a worker that died never comes back."""
    monkeypatch.setattr(PhaseActor, "_worker_replaced", lambda *_: None)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (ticks_are_dropped, "ticks"),
        (failures_are_successes, "is a success"),
        (runs_are_never_over, "is cancelled and a page is stored"),
        (lost_products_are_forgotten, "no rest in"),
    ],
)
def test_a_broken_rule_is_found(
    broken: Callable[[pytest.MonkeyPatch], None], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(monkeypatch)
    assert said in found_in(range(100)).splitlines()[0]


if __name__ == "__main__":
    with quiet():
        print(*map(digest, range(int(sys.argv[1]))))
