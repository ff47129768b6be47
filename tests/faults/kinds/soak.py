"""27: cycle after cycle with something wrong in most of them (`make soak`: an hour)."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

from tests.faults.mishaps import MISHAPS
from tests.faults.oracle import (
    answers_in_time,
    clean_cycle,
    mirror_is_true,
    no_false_success,
    runs_have_one_end,
)
from tests.faults.programme import fault
from tests.faults.trial import Trial
from tests.faults.witness import Holdings, holdings

IS_LONG = os.environ.get("FAULTS") == "long"
SECONDS = float(os.environ.get("SOAK_SECONDS", "120" if IS_LONG else "3"))
INTERVAL = 5 if SECONDS >= 60 else 1
CLEAN_EVERY = 12
"""Cycles between two looks at the whole mirror."""
SPARE_KB = 6_000
ENOUGH = 40
"""Samples that allow a word on whether something grows."""


@fault(
    27,
    f"a soak of {INTERVAL} s cycles",
    long=1,
    seconds=SECONDS + 180,
    latency_seconds=0.002,
)
def soak(trial: Trial) -> None:
    trial.home.settings["HTTP_TIMEOUT_SECONDS"] = "3"
    trial.daemon("--interval", str(INTERVAL))
    held, end, cycles = Samples(), time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        with trial.dice.choice(MISHAPS)(trial):
            _wait_for_a_run(trial)
        cycles += 1
        _check(trial)
        if cycles % CLEAN_EVERY == 0:
            _check_the_mirror(trial)
            held.take(trial)
    held.take(trial)
    trial.saw(f"{cycles} cycles in {SECONDS:.0f} s; {held.say()}")
    held.judge()


def _wait_for_a_run(trial: Trial) -> None:
    """The next run, begun and ended; a minute is much more than it may take."""
    before = trial.last_run()
    trial.wait_for(lambda: trial.last_run() > before, "the next run")
    trial.ended(before + 1)


def _check(trial: Trial) -> None:
    """What can be checked while the daemon works and something is wrong."""
    assert trial.daemon_process is not None
    assert trial.daemon_process.runs, f"it has ended:\n{trial.daemon_process.log.text[-3000:]}"
    assert trial.home.sql("PRAGMA quick_check") == [("ok",)], "I1"
    runs_have_one_end(trial, but=trial.last_run())
    no_false_success(trial)
    answers_in_time(trial)


def _check_the_mirror(trial: Trial) -> None:
    trial.quiet()
    clean_cycle(trial)
    forced = trial.run(force=True)
    assert forced.status == "success", forced.model_dump_json()
    mirror_is_true(trial)
    trial.remember()
    trial.saw("looks at the whole mirror")


@dataclass(slots=True)
class Samples:
    """What the daemon held, from time to time."""

    taken: list[Holdings] = field(default_factory=list)

    def take(self, trial: Trial) -> None:
        """One more."""
        assert trial.daemon_process is not None
        trial.quiet()
        self.taken.append(holdings(trial.daemon_process.pid))

    def say(self) -> str:
        """The first and the last, for the table."""
        first, last = self.taken[0], self.taken[-1]
        return (
            f"memory {first.resident_kb // 1024} → {last.resident_kb // 1024} MB, threads"
            f" {first.threads} → {last.threads}, handles {_handles(first)} → {_handles(last)}"
        )

    def judge(self) -> None:
        """Nothing grows: the last third held no more than the middle one, but for a little."""
        third = len(self.taken) // 3
        if len(self.taken) < ENOUGH:
            return
        middle, late = self.taken[third : 2 * third], self.taken[2 * third :]
        memory = [max(each.resident_kb for each in part) for part in (middle, late)]
        assert memory[1] <= memory[0] + SPARE_KB, f"memory grows: {memory} KB"
        handles = [max(map(_handles, part)) for part in (middle, late)]
        assert handles[1] <= handles[0] + 4, f"handles grow: {handles}"
        threads = [max(each.threads for each in part) for part in (middle, late)]
        assert threads[1] <= threads[0], f"threads grow: {threads}"


def _handles(held: Holdings) -> int:
    return len(held.files) + held.sockets
