"""One life of the actor system: drawn by a seed, lived on a simulated machine, and checked."""

from __future__ import annotations

import random

from actors.base import NoAnswer
from actors.messages import StopReport
from actors.ports import Ports, SchedulePlan
from actors.system import ActorSystem
from rules.model import ErrorKind, RunRequest, RunStatus, SyncResult, Trigger
from rules.run.events import RunOpened
from tests.simulation.checks import check
from tests.simulation.machine import Machine, Stuck
from tests.simulation.operators import Operators
from tests.simulation.story import Story
from tests.simulation.substitutes import simulated
from tests.simulation.telling import told
from tests.simulation.weather import Weather
from tests.simulation.world import (
    Account,
    EventsInMemory,
    FreshInMemory,
    MirrorInMemory,
    Remote,
    SimClock,
    World,
    WorldQueries,
)

SHOWN = 80
"""Entries of the trace that a failing life prints."""

LONGEST_REST = 1000.0
"""Simulated seconds in which all must have come to rest once the weather is calm."""

SIZES = (0, 1, 2, 5, 31, 33, 64)
"""How many tests a product has: none to three windows."""

BEAT = 5.0
"""Simulated seconds between two beats of the heart."""

SLACK = 2 * BEAT + 2.0
"""Simulated seconds by which a tick may be late: jitter, and the time between two beats."""


class Life:
    """One life. `live` raises AssertionError with the seed and the last messages."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = rng = random.Random(f"{seed}/life")
        self.stalls = 0.003 if rng.random() < 0.1 else 0.0
        self.machine = Machine(seed, restless=rng.choice((0.0, 0.1, 0.3, 0.6)))
        self.weather = Weather(seed)
        sizes = {key + 1: rng.choice(SIZES) for key in range(rng.choice((1, 2, 3, 4, 7)))}
        self.world = World(self.machine, self.weather, sizes, workers=rng.randint(1, 3))
        self.clock = SimClock(self.machine)
        self.mirror = MirrorInMemory(self.world)
        self.fresh = FreshInMemory(self.world, self.mirror)
        self.events = EventsInMemory(self.world)
        verified, self.is_ours = rng.random() < 0.9, rng.random() < 0.97
        self.account = Account(verified=verified, ours=self.is_ours)
        self.story = Story(
            self.world,
            self.mirror,
            self.fresh,
            self.events,
            has_stalls=self.stalls > 0,
            was_verified=verified,
            is_ours=self.is_ours,
        )

    def live(self) -> None:
        """From the start of the daemon to its end."""
        try:
            with simulated(self.machine):
                self.machine.run(self._main)
        except AssertionError as error:
            raise AssertionError(f"{error}\n\n{self._last_words()}") from error

    def trace(self) -> list[str]:
        """All that happened, as text; the same for the same seed."""
        return [told(*entry) for entry in self.machine.trace]

    def _last_words(self) -> str:
        lines = [told(*entry) for entry in self.machine.trace[-SHOWN:]]
        faults = ", ".join(sorted(self.weather.seen)) or "none"
        return "\n".join([*lines, f"faults: {faults}", f"SIMULATION_SEED={self.seed}"])

    # -- the life ------------------------------------------------------------------------------

    def _main(self) -> None:
        system = self.system = self._build()
        system.watch(on_entry=[self.story.hear], ended=[self.story.hear_of_end])
        system.start()
        self.weather.calm, self.machine.stalls = False, self.stalls
        system.begin()
        operators = self._operators()
        while operators.at_work and not system.gave_up.is_set():
            self.machine.sleep(1.0)
        self.story.gave_up = system.gave_up.is_set()
        if self.story.gave_up or self.rng.random() < 0.3:
            self.story.stopped = system.stop()
        else:
            self._end_well()
        check(self.story, operators)

    def _build(self) -> ActorSystem:
        rng, delays = self.rng, random.Random(f"{self.seed}/jitter")
        self.plan = SchedulePlan(
            interval_seconds=rng.choice((0.0, 40.0, 90.0)),
            startup_run=rng.random() < 0.7,
            jitter=lambda: delays.choice((0.0, 5.0)),
            paused=rng.random() < 0.1,
        )
        parts = Ports(
            client=Remote(self.world),
            mirror=self.mirror,
            events=self.events,
            queries=WorldQueries(self.world, self.mirror, self.fresh),
            next_run_id=1,
            workers=self.world.workers,
            schedule=self.plan,
            clock=self.clock,
            pulse_seconds=BEAT,
            fresh=self.fresh,
            account=self.account,
        )
        return ActorSystem(parts)

    def _operators(self) -> Operators:
        rng = random.Random(f"{self.seed}/operators")
        count = self.rng.randint(1, 3)
        operators = Operators(self.system, self.world, self.story, self.clock, rng, at_work=count)
        for number in range(operators.at_work):
            commands = self.rng.randint(1, 8)
            self.machine.spawn(f"operator-{number + 1}", lambda n=commands: operators.work(n))  # type: ignore[misc]
        return operators

    # -- a good end: the weather is calm -------------------------------------------------------

    def _end_well(self) -> None:
        """All comes to rest, a run succeeds, the schedule is kept, and the stop leaves nothing."""
        self.weather.calm, self.machine.stalls = True, 0.0
        self._come_to_rest()
        if self.system.gave_up.is_set():  # of what was under way when the weather changed
            self.story.gave_up = True
            self.story.stopped = self.system.stop()
            return
        self._run_well()
        if self.rng.random() < 0.5:
            self._keep_the_schedule()
        self._come_to_rest()
        self.story.came_to_rest = True
        report = self.story.stopped = self.system.stop()
        assert report == StopReport(abandoned=(), unwritten=0), report
        self.machine.sleep(2.0)
        left = self.machine.unfinished
        assert not left, f"left behind: {left}\n{self.machine.dump()}"

    def _come_to_rest(self) -> None:
        """All runs end, all inboxes are empty, and nobody has anything in hand."""
        give_up_at = self.machine.now + LONGEST_REST
        while not self._rests():
            self.machine.sleep(0.7)
            if self.machine.now > give_up_at:
                raise Stuck(f"no rest in {LONGEST_REST:g} calm seconds\n{self.machine.dump()}")

    def _rests(self) -> bool:
        system = self.system
        if system.gave_up.is_set():
            return True
        try:
            status = system.status()
        except NoAnswer:
            return False
        if status.current is not None or status.queued_run_id is not None:
            return False
        waiting = {role: count for role, count in system.mailboxes().items() if count}
        return not (waiting or len(system.event_queue) or system.busy())

    def _run_well(self) -> None:
        """Whatever was before, a full run succeeds now."""
        self.machine.note("a last run")
        admitted = self.system.start_run(RunRequest(trigger=Trigger.API))
        assert admitted.run_id is not None, admitted
        result = self.system.wait_for(admitted.run_id, timeout=600.0)
        assert result is not None, f"the last run does not end\n{self.machine.dump()}"
        wanted = RunStatus.SUCCESS if self.is_ours else RunStatus.FAILED
        assert result.status is wanted, result
        self._look_at(result)

    def _look_at(self, result: SyncResult) -> None:
        if not self.is_ours:
            assert {problem.kind for problem in result.errors} == {ErrorKind.WRONG_ACCOUNT}
            return
        tests = sum(self.world.sizes.values())
        assert result.tests_discovered == tests, (result, tests)
        assert result.products_synced == len(self.world.sizes), result

    def _keep_the_schedule(self) -> None:
        """Paused, no tick comes; resumed, one comes within an interval."""
        interval = self.system.schedule().interval_seconds
        assert interval == self.story.interval(self.plan.interval_seconds), interval
        self.system.pause()
        before = self._ticks()
        self.machine.sleep(2 * interval + SLACK)
        assert self._ticks() == before, "a tick came during a pause"
        sent = self.story.ticks
        self.system.resume()
        self.machine.sleep(interval + SLACK)
        came = self._ticks() > before
        # One that waited since the start, one overdue, and those of the grid.
        assert self.story.ticks - sent <= 4, "tick after tick"
        assert came == (interval > 0), f"ticks every {interval:g} s: came {came}"

    def _ticks(self) -> int:
        """The scheduled runs so far."""
        return sum(
            isinstance(entry, RunOpened) and entry.request.trigger is Trigger.SCHEDULE
            for _, entry in self.story.heard
        )
