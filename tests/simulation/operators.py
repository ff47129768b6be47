"""Operators of one life: they ask for runs, cancel, pause and kill, whenever the seed says."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta

from actors.base import NoAnswer
from actors.messages import Admitted
from actors.system import ActorSystem
from rules.model import ALL_PHASES, RunRequest, SyncOptions, SyncPhase, SyncScope, Trigger
from tests.simulation.story import Story
from tests.simulation.world import SimClock, World

PHASES: tuple[tuple[SyncPhase, ...], ...] = (
    ALL_PHASES,
    ALL_PHASES,
    (SyncPhase.PRODUCTS,),
    (SyncPhase.FEATURES,),
    (SyncPhase.NEW_TESTS, SyncPhase.PRODUCTS),
    (SyncPhase.FEATURES, SyncPhase.NEW_TESTS),
)
OPTIONS = (
    *(SyncOptions(),) * 5,
    SyncOptions(force=True),
    SyncOptions(incremental_only=True),
    SyncOptions(refresh_mutable=True),
    SyncOptions(nuke=True),
)
REST = (0.0, 0.0, 0.02, 0.3, 2.0, 20.0)


@dataclass(frozen=True)
class Nonsense:
    """A message that every actor fails on."""

    @property
    def run_id(self) -> int:
        """What a Coordinator looks at first."""
        raise RuntimeError("a bug in the actor")


@dataclass(frozen=True)
class Asked:
    """One request for a run, and the answer."""

    request: RunRequest
    admitted: Admitted


@dataclass
class Operators:
    """What they did. `silence`: how often somebody got no answer."""

    system: ActorSystem
    world: World
    story: Story
    clock: SimClock
    rng: random.Random
    asked: list[Asked] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    silence: int = 0
    at_work: int = 0

    def work(self, commands: int) -> None:
        """So many commands, with rests in between."""
        try:
            for _ in range(commands):
                self.world.machine.sleep(self.rng.choice(REST))
                if self.system.gave_up.is_set():
                    return
                try:
                    self._command()
                except NoAnswer as error:
                    self.silence += 1
                    self.world.machine.note(f"no answer: {error}")
        finally:
            self.at_work -= 1

    def _command(self) -> None:
        if self.world.weather.brings("killed actor"):
            self._kill()
            return
        commands = [self._start] * 8 + [self._cancel] * 2 + [self._cancel_product] * 2
        commands += [
            self._pause,
            self._resume,
            self._resume,
            self._set_interval,
            self._look,
            self._look,
        ]
        commands += [self._employ, self._jump]
        command = self.rng.choice(commands)
        self.world.machine.note(command.__name__)
        command()

    def _start(self) -> None:
        products = None
        if self.rng.random() < 0.4:
            products = frozenset(self.rng.sample([1, 2, 3, 4, 99], self.rng.randint(1, 2)))
        request = RunRequest(
            trigger=self.rng.choice((Trigger.API, Trigger.CLI)),
            phases=self.rng.choice(PHASES),
            scope=SyncScope(product_ids=products),
            options=self.rng.choice(OPTIONS),
        )
        self.asked.append(Asked(request, self.system.start_run(request)))

    def _cancel(self) -> None:
        run_id = self.system.cancel("an operator")
        if run_id is not None:
            self.cancelled.append(run_id)
            self.world.over.setdefault(run_id, 0)

    def _cancel_product(self) -> None:
        self.system.cancel_product(self.rng.randint(1, 4), "an operator")

    def _pause(self) -> None:
        seconds = self.rng.choice((None, 1, 60))
        until = None if seconds is None else self.clock.now() + timedelta(seconds=seconds)
        self.system.pause(until)

    def _resume(self) -> None:
        self.system.resume()

    def _set_interval(self) -> None:
        seconds = self.rng.choice((0.0, 40.0, 90.0))
        self.system.set_interval(seconds)

    def _look(self) -> None:
        """A run has not ended before its end is on disk.

        One that is failed with its Coordinator is not known to the next; its end may wait.
        """
        before = self.story.open_runs()
        status = self.system.status()
        left = before & self.story.open_runs()
        replaced = self.killed or self.story.crashes_heard
        if status.current is None and left and not replaced:
            self.world.machine.fail(f"no run is at work, and the end of {left} is not on disk")
        self.system.schedule()
        self.system.mailboxes()

    def _employ(self) -> None:
        self.world.workers = max(self.world.workers, count := self.rng.randint(1, 4))
        self.system.employ(count)

    def _jump(self) -> None:
        self.clock.jumped += timedelta(seconds=self.rng.choice((-7200, -1, 1, 7200)))

    def _kill(self) -> None:
        wiring = self.system.wiring
        address = self.rng.choice(
            [*wiring.workers, *wiring.crew, wiring.mirror, wiring.logger, wiring.scheduler]
        )
        self.killed.append(address.role)
        address.tell(Nonsense())
