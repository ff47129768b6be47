"""The simulated machine itself: turns, time, locks, and how it says that nobody can go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.simulation.machine import MOST_STEPS, Machine, Stuck
from tests.simulation.substitutes import modules_of


@dataclass(frozen=True)
class Letter:
    """What is put into a queue."""

    message: object


def order_of(seed: int, *, restless: float = 0.5) -> list[str]:
    """In which order three tasks got their turns, each several."""
    machine = Machine(seed, restless=restless)
    turns: list[str] = []

    def take_turns(name: str) -> None:
        for _ in range(5):
            turns.append(name)
            machine.pause()

    def main() -> None:
        for name in "abc":
            machine.spawn(name, lambda name=name: take_turns(name))  # type: ignore[misc]
        machine.sleep(1.0)

    machine.run(main)
    return turns


def test_the_seed_decides_who_goes_on() -> None:
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(20)}) > 10
    assert all(sorted(order_of(seed)) == sorted("abc" * 5) for seed in range(5))


def test_time_passes_only_when_everybody_waits() -> None:
    machine = Machine(0)
    began, woken = machine.now, []

    def sleeper(seconds: float) -> None:
        machine.sleep(seconds)
        woken.append((seconds, machine.now - began))

    def main() -> None:
        for seconds in (7200.0, 0.5, 30.0):
            machine.spawn("sleeper", lambda seconds=seconds: sleeper(seconds))  # type: ignore[misc]
        machine.sleep(10_000.0)

    machine.run(main)
    assert woken == [(0.5, 0.5), (30.0, 30.0), (7200.0, 7200.0)]


@pytest.mark.parametrize("seed", range(5))
def test_an_inbox_keeps_its_order_whoever_goes_first(seed: int) -> None:
    machine = Machine(seed, restless=0.7)
    inbox = modules_of(machine)["queue"].SimpleQueue()
    read: list[int] = []

    def reader() -> None:
        read.extend(inbox.get().message for _ in range(20))

    def main() -> None:
        machine.spawn("reader", reader)
        for number in range(20):
            inbox.put(Letter(number))
        machine.sleep(1.0)

    machine.run(main)
    assert read == list(range(20))
    assert inbox.empty()


def test_two_who_wait_for_each_other_are_named() -> None:
    machine = Machine(3, restless=0.0)
    lock = modules_of(machine)["threading"].Lock

    def taker(first: Any, second: Any) -> None:
        with first:
            machine.sleep(1.0)
            with second:
                raise AssertionError("both have both")

    def main() -> None:
        left, right = lock(), lock()
        machine.spawn("left-handed", lambda: taker(left, right))
        machine.spawn("right-handed", lambda: taker(right, left))
        machine.block("the end of both")

    with pytest.raises(Stuck, match="everybody waits") as stuck:
        machine.run(main)
    said = str(stuck.value)
    assert "left-handed waits for a lock" in said
    assert "right-handed waits for a lock" in said
    assert "main waits for the end of both" in said


def test_one_who_never_rests_is_named() -> None:
    machine = Machine(0, restless=1.0)

    def main() -> None:
        while True:
            machine.pause()

    with pytest.raises(Stuck, match=f"no rest after {MOST_STEPS} steps"):
        machine.run(main)


def wait_for_an_event(threading: Any, timeout: float) -> bool:
    return bool(threading.Event().wait(timeout))


def wait_for_a_condition(threading: Any, timeout: float) -> bool:
    condition = threading.Condition()
    with condition:
        return bool(condition.wait_for(lambda: False, timeout))


@pytest.mark.parametrize("wait", [wait_for_an_event, wait_for_a_condition])
def test_who_waits_in_vain_gives_up_in_time(wait: Callable[[Any, float], bool]) -> None:
    machine = Machine(0)
    began = machine.now

    def main() -> None:
        assert not wait(modules_of(machine)["threading"], 2.5)

    machine.run(main)
    assert machine.now - began == 2.5


def test_what_a_task_raises_ends_the_life() -> None:
    machine = Machine(0)

    def main() -> None:
        machine.spawn("unlucky", lambda: 1 / 0)
        machine.sleep(1.0)

    with pytest.raises(ZeroDivisionError):
        machine.run(main)
    assert machine.unfinished == []
