"""Every fault as often as the programme says with FAULTS=long (`make faults`).

The default suite tries one fault of every other number, another one each time; `.ci/run` all of
them.
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
from tests.tools import ON_CI

IS_LONG = os.environ.get("FAULTS") == "long"
SHARE = float(os.environ.get("FAULT_SHARE", "1"))
"""Of the long attempts: who has less time may try a part of each."""
ORDER = sorted(FAULTS, key=lambda fault: fault.number)
SHORT = {
    number: [fault for fault in ORDER if fault.number == number and fault.short]
    for number in sorted({fault.number for fault in FAULTS})
}
LONG_ATTEMPTS = [
    pytest.param(
        fault,
        nth,
        id=f"{fault.number:02}-{fault.name.replace(' ', '-')}-{nth}",
        marks=pytest.mark.timeout(fault.seconds),
    )
    for fault in ORDER
    for nth in range(math.ceil(fault.long * SHARE))
]
TURN = int(os.environ.get("PYTEST_XDIST_TESTRUNUID", "0"), 16) % 2
"""Every process of one run of the tests has the same; which numbers it tries goes by it."""
SHORT_ATTEMPTS = [
    pytest.param(
        number,
        nth,
        id=f"{number:02}-{nth}",
        marks=pytest.mark.timeout(max(fault.seconds for fault in faults)),
    )
    for number, faults in SHORT.items()
    if ON_CI or number % 2 == TURN
    for nth in range(len(faults) if ON_CI else 1)
]


@pytest.fixture
def base(testrun_uid: str) -> str:
    """Of all seeds."""
    chosen = os.environ.get("FAULT_SEED", str(int(testrun_uid, 16) % 1_000_000))
    print(f"FAULT_SEED={chosen} repeats this")
    return chosen


MakeTrial = Callable[[Fault, int, str], Trial]


@pytest.fixture
def make_trial(tmp_path: Path, make_simulator: Callable[..., Simulator]) -> Iterator[MakeTrial]:
    made: list[Trial] = []

    def make(fault: Fault, nth: int, seed: str) -> Trial:
        home = Home(folder=tmp_path / "home", simulator=make_simulator(**fault.account))
        home.settings["HTTP_TIMEOUT_SECONDS"] = "30"  # a request that is lost ends within a trial
        home.folder.mkdir()
        dice = random.Random(seed)
        made.append(Trial(home=home, dice=dice, number=nth, is_long=IS_LONG))
        return made[-1]

    yield make
    for each in made:
        each.unwatch()
        end_all(each.home)
        for process in each.processes:
            process.out.close()
            process.log.close()
        each.afterwards.close()


def attempt(fault: Fault, nth: int, base: str, make_trial: MakeTrial) -> None:
    """Try it, judge it, and note what was seen."""
    made = make_trial(fault, nth, f"{base}:{fault.number}:{fault.name}:{nth}")
    passed = False
    try:
        fault.body(made)
        judge(made)
        passed = True
    finally:
        seen = made.seen or Counter(["nothing"])
        note(Attempt(fault.number, fault.name, base, passed, dict(seen)))


if IS_LONG:

    @pytest.mark.parametrize(("fault", "nth"), LONG_ATTEMPTS)
    def test_fault(fault: Fault, nth: int, base: str, make_trial: MakeTrial) -> None:
        attempt(fault, nth, base, make_trial)

else:

    @pytest.mark.parametrize(("number", "nth"), SHORT_ATTEMPTS)
    def test_number(number: int, nth: int, base: str, make_trial: MakeTrial) -> None:
        order = random.Random(f"{base}:{number}").sample(SHORT[number], len(SHORT[number]))
        attempt(order[nth], 0, base, make_trial)


def test_every_number_of_the_programme_is_tried() -> None:
    assert list(SHORT) == list(range(1, 33))
    assert all(SHORT.values())


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
