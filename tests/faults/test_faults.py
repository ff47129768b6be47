"""Every fault a few times; with FAULTS=long (`make faults`) as often as the programme says.

FAULT_SEED repeats a series; each attempt has a seed of its own, made of it.
"""

from __future__ import annotations

import math
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tests.faults.kinds  # noqa: F401 (enlists the faults)
from simulator import Simulator
from tests.faults.oracle import judge
from tests.faults.programme import FAULTS, Fault
from tests.faults.provoking import how, pairs
from tests.faults.results import Attempt, note
from tests.faults.trial import Trial
from tests.homes import Home, end_all

IS_LONG = os.environ.get("FAULTS") == "long"
SHARE = float(os.environ.get("FAULT_SHARE", "1"))
"""Of the long attempts: who has less time may try a part of each."""
ORDER = sorted(FAULTS, key=lambda fault: fault.number)
ATTEMPTS = [
    pytest.param(
        fault,
        number,
        id=f"{fault.number:02}-{fault.name.replace(' ', '-')}-{number}",
        marks=pytest.mark.timeout(fault.seconds),
    )
    for fault in ORDER
    for number in range(math.ceil(fault.long * SHARE) if IS_LONG else fault.short)
]


@pytest.fixture
def trial(
    tmp_path: Path, make_simulator: Callable[..., Simulator], request: pytest.FixtureRequest
) -> Iterator[Callable[[Fault, int, str], Trial]]:
    made: list[Trial] = []

    def make(fault: Fault, number: int, seed: str) -> Trial:
        home = Home(folder=tmp_path / "home", simulator=make_simulator(**fault.account))
        home.folder.mkdir()
        dice = random.Random(seed)
        made.append(Trial(home=home, dice=dice, number=number, is_long=IS_LONG))
        return made[-1]

    yield make
    for each in made:
        each.unwatch()
        end_all(each.home)
        for process in each.processes:
            process.out.close()
            process.log.close()
        each.afterwards.close()


@pytest.mark.parametrize(("fault", "number"), ATTEMPTS)
def test_fault(
    fault: Fault, number: int, trial: Callable[[Fault, int, str], Trial], testrun_uid: str
) -> None:
    base = os.environ.get("FAULT_SEED", str(int(testrun_uid, 16) % 1_000_000))
    seed = f"{base}:{fault.number}:{fault.name}:{number}"
    print(f"FAULT_SEED={base} repeats this")
    attempt, seen = trial(fault, number, seed), Counter[str]()
    passed = False
    try:
        fault.body(attempt)
        judge(attempt)
        passed = True
    finally:
        seen = attempt.seen or Counter(["nothing"])
        note(Attempt(fault.number, fault.name, base, passed, dict(seen)))


def test_no_two_faults_have_the_same_name() -> None:
    names = [(fault.number, fault.name) for fault in FAULTS]
    assert len(names) == len(set(names))


def test_each_message_of_the_actors_can_be_crashed_at() -> None:
    unknown = []
    for pair in pairs():
        try:
            how(pair)
        except KeyError:
            unknown.append(pair)
    assert not unknown, f"say in tests/faults/provoking.py how these are brought about: {unknown}"
