"""Lives on real SQLite that are killed at a commit, several times over: what is left on the disk.

The process dies at a moment that the seed chooses, just before a commit or just after it. The
next one opens what is there and goes on; the last one has to end with the mirror equal.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from actors.ports import Ports, SchedulePlan
from actors.system import ActorSystem
from rules.model import RunRequest, RunStatus, SyncOptions, Trigger
from service.store import MirrorReader
from storage.engine.database import Database
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog
from tests.databases import migrated
from tests.model.crashes import Crash, CrashingEvents, CrashingMirror
from tests.simulation.life import SIZES
from tests.simulation.machine import Machine
from tests.simulation.operators import Operators
from tests.simulation.story import Story
from tests.simulation.substitutes import simulated
from tests.simulation.test_lives import quiet
from tests.simulation.weather import Weather
from tests.simulation.world import (
    EventsInMemory,
    FreshInMemory,
    MirrorInMemory,
    Remote,
    SimClock,
    World,
)

FIRST = int(os.environ.get("SIMULATION_FROM", "0"))
ONE = os.environ.get("SIMULATION_SEED")
LIVES = int(os.environ.get("SIMULATION_SEEDS", "200")) // 40
SEEDS = [int(ONE)] if ONE else range(FIRST, FIRST + LIVES)
ENDED = {"success", "partial", "failed", "cancelled", "interrupted"}


class Process:
    """One process on the database of a life; it dies at a commit, or it is the last one."""

    def __init__(self, seed: str, path: Path, sizes: dict[int, int], number: int) -> None:
        self.rng = random.Random(f"{seed}/process")
        self.machine = Machine(seed, restless=0.2)
        self.weather = Weather(seed)
        self.weather.chances.pop("unusable row", None)
        self.world = World(self.machine, self.weather, sizes, workers=self.rng.randint(1, 3))
        self.clock = SimClock(self.machine, jumped=timedelta(days=number))
        self.database = Database(path)
        log = SyncLog(self.database)
        log.close_interrupted(at=self.clock.now())
        self.crash = Crash(None, after=False)
        self._log = log

    def dies(self) -> None:
        """Work until the chosen commit; if there are not so many, die then."""
        self.crash = Crash(self.rng.randint(0, 30), after=self.rng.random() < 0.5)
        self._live(self._work)

    def ends_well(self) -> None:
        """One forced run, in calm weather."""
        self._live(self._force)

    def _live(self, main: Any) -> None:
        try:
            with simulated(self.machine):
                self.machine.run(lambda: main(self._system()))
        finally:
            self.database.close()

    def _system(self) -> ActorSystem:
        parts = Ports(
            client=Remote(self.world),
            mirror=CrashingMirror(MirrorRows(self.database), self.crash),
            events=CrashingEvents(self._log, self.crash),
            queries=MirrorReader(self.database.path),
            next_run_id=self._log.next_run_id(),
            workers=self.world.workers,
            schedule=SchedulePlan(interval_seconds=60.0, startup_run=True),
            clock=self.clock,
            pulse_seconds=5.0,
        )
        return ActorSystem(parts)

    def _work(self, system: ActorSystem) -> None:
        system.start()
        system.begin()
        self.weather.calm = False
        mirror = MirrorInMemory(self.world)
        fresh, events = FreshInMemory(self.world, mirror), EventsInMemory(self.world)
        story = Story(self.world, mirror, fresh, events, True, was_verified=True, is_ours=True)
        operators = Operators(system, self.world, story, self.clock, self.rng, at_work=1)
        self.machine.spawn("operator", lambda: operators.work(6))
        while operators.at_work and not self.crash.happened.is_set():
            self.machine.sleep(0.5)

    def _force(self, system: ActorSystem) -> None:
        system.start()
        request = RunRequest(trigger=Trigger.API, options=SyncOptions(force=True))
        run_id = system.start_run(request).run_id
        assert run_id is not None
        result = system.wait_for(run_id, timeout=600.0)
        assert result is not None
        assert result.status is RunStatus.SUCCESS, result
        assert not system.stop().unwritten


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows."""
    path = tmp_path_factory.mktemp("template") / "testio.db"
    migrated(path).close()
    return path


@pytest.mark.timeout(600)
def test_whatever_commit_a_process_dies_at_the_next_one_goes_on(
    template: Path, tmp_path: Path
) -> None:
    with quiet():
        for seed in SEEDS:
            path = tmp_path / f"{seed}.db"
            shutil.copy(template, path)
            try:
                live(seed, path)
            except AssertionError as error:
                raise AssertionError(f"{error}\nSIMULATION_SEED={seed}") from error


def live(seed: int, path: Path) -> None:
    """Some processes that are killed, and one that ends well."""
    rng = random.Random(f"{seed}/kills")
    sizes = {key + 1: rng.choice(SIZES) for key in range(rng.randint(1, 3))}
    deaths = rng.randint(1, 3)
    for number in range(deaths):
        Process(f"{seed}/{number}", path, sizes, number).dies()
        look(path, sizes)
    last = Process(f"{seed}/last", path, sizes, deaths)
    ended = rows(path, "SELECT id, status FROM sync_runs")
    assert all(status in ENDED for _, status in ended), ended
    last.ends_well()
    look(path, sizes)
    found = rows(path, "SELECT id FROM tests WHERE deleted_at IS NULL")
    assert len(found) == sum(sizes.values()), "the mirror is not equal"


def look(path: Path, sizes: dict[int, int]) -> None:
    """No run has two ends, and nothing is called complete that is not."""
    ends = rows(
        path,
        "SELECT run_id, count(*) FROM sync_events"
        " WHERE event IN ('run_finished', 'run_interrupted') GROUP BY run_id",
    )
    assert all(count == 1 for _, count in ends), ends
    ids = [row[0] for row in rows(path, "SELECT id FROM sync_events ORDER BY id")]
    assert len(ids) == len(set(ids))
    claims = rows(
        path,
        "SELECT product_id, (SELECT count(*) FROM tests WHERE tests.product_id ="
        " freshness.product_id AND deleted_at IS NULL)"
        " FROM freshness WHERE kind = 'tests' AND complete_as_of IS NOT NULL",
    )
    for product_id, count in claims:
        assert count == sizes[product_id], f"{product_id} is called complete with {count} tests"


def rows(path: Path, query: str) -> list[Any]:
    """What stands in the database."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()
