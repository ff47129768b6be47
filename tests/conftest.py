"""Fixtures for all tests, and the check that no test leaves an actor or a thread behind."""

from __future__ import annotations

import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pykka
import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings

from actors.ports import Ports, SchedulePlan
from actors.system import ActorSystem
from rules.model import RunRequest, SyncPhase, SyncResult, Trigger
from simulator import Simulator, SimulatorOptions
from storage.engine.database import Database
from testio.client import TestioClient
from testio.transport import TransportOptions
from tests.databases import migrated
from tests.examples import MUTATION, USUAL
from tests.fakes import FakeAccount, FakeClock, FakeEvents, FakeMirror, FakeQueries
from tests.launcher import SHARED, start_launcher
from tests.rig import Rig

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell; the processes of the tests would not hear Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is.
settings.register_profile("suite", deadline=None, max_examples=USUAL)
settings.load_profile("suite")
# For `make mutation`: the same few examples each time, so that no mutant lives or dies by luck.
settings.register_profile(
    MUTATION,
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=tuple(HealthCheck),
)

OUR_SETTINGS = ("TESTIO_", "CACHE_TTL", "MAX_CONCURRENT", "HTTP_TIMEOUT", "LOG_")


def pytest_xdist_auto_num_workers() -> int:
    """Three more than there are cores: many tests wait for processes, timeouts, pauses."""
    return len(os.sched_getaffinity(0)) + 3


def pytest_configure(config: pytest.Config) -> None:
    """One launcher for all test processes, which inherit its name."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        os.environ[SHARED] = start_launcher()


def pytest_collection_finish() -> None:
    """What is loaded by now stays: nobody looks through it for garbage again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _logs_go_to_pytest() -> None:
    """Through the standard library, so that a failing test shows them, and no other."""
    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(OUR_SETTINGS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "no-home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-configuration"))
    for name in ("COLUMNS", "LINES"):  # pytest-xdist sets them
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    """Fails a test that leaves an actor running, or a thread of this program."""
    logging.getLogger("pykka").setLevel(logging.CRITICAL)
    before = set(threading.enumerate())
    yield
    give_up_at = time.monotonic() + 3.0
    while time.monotonic() < give_up_at and (left := _left_behind(before)):
        time.sleep(0.01)
    actors = pykka.ActorRegistry.get_all()
    pykka.ActorRegistry.stop_all(block=False)
    assert not left, f"threads left behind: {left}"
    assert not actors, f"actors left behind: {actors}"


def _left_behind(before: set[threading.Thread]) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread not in before]


@pytest.fixture
def make_simulator() -> Iterator[Callable[..., Simulator]]:
    """Start a simulator with these options; all of them end with the test."""
    started: list[Simulator] = []

    def make(**options: object) -> Simulator:
        simulator = Simulator(SimulatorOptions(**options))  # type: ignore[arg-type]
        started.append(simulator.__enter__())
        return simulator

    yield make
    for simulator in started:
        simulator.__exit__(None, None, None)


@pytest.fixture
def simulator(make_simulator: Callable[..., Simulator]) -> Simulator:
    """A small account: 5 products, one of them with sections."""
    return make_simulator(products=5, features=4, tests=40)


@pytest.fixture
def make_client() -> Iterator[Callable[..., TestioClient]]:
    """A client of a simulator, with short pauses between attempts."""
    made: list[TestioClient] = []

    def make(simulator: Simulator, **options: object) -> TestioClient:
        defaults = TransportOptions(
            base_url=simulator.base_url,
            token=lambda: simulator.token,
            timeout_seconds=5.0,
            first_pause_seconds=0.01,
            longest_pause_seconds=0.05,
        )
        made.append(TestioClient(replace(defaults, **options)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A migrated database in a temporary folder."""
    opened = migrated(tmp_path / "mirror" / "testio.db")
    yield opened
    opened.close()


@dataclass
class Bench:
    """An actor system over fakes, and what a test wants to look at. Its heart beats by hand."""

    account: FakeAccount = field(default_factory=FakeAccount)
    mirror: FakeMirror = field(default_factory=FakeMirror)
    events: FakeEvents = field(default_factory=FakeEvents)
    clock: FakeClock = field(default_factory=FakeClock)
    queries: FakeQueries = field(default_factory=lambda: FakeQueries((1, 2, 3)))
    interval: float | None = None
    startup_run: bool = False
    workers: int = 3
    pulse_seconds: float | None = 0.02
    _system: ActorSystem | None = None

    @property
    def system(self) -> ActorSystem:
        """The system, started with its first use."""
        if self._system is None:
            self._system = ActorSystem(self._parts())
            self._system.start()
        return self._system

    def _parts(self) -> Ports:
        plan = None
        if self.interval is not None:
            plan = SchedulePlan(interval_seconds=self.interval, startup_run=self.startup_run)
        return Ports(
            client=self.account,
            mirror=self.mirror,
            events=self.events,
            queries=self.queries,
            next_run_id=1,
            workers=self.workers,
            schedule=plan,
            clock=self.clock,
            pulse_seconds=self.pulse_seconds,
        )

    def run(self, *phases: SyncPhase, timeout: float = 5.0) -> SyncResult:
        """Ask for a run and wait for its end."""
        request = RunRequest(trigger=Trigger.API, phases=phases or tuple(SyncPhase))
        return self.wait(self.start(request), timeout)

    def start(self, request: RunRequest | None = None) -> int:
        """Ask for a run; its id."""
        admitted = self.system.start_run(request or RunRequest(trigger=Trigger.API))
        assert admitted.run_id is not None, f"not admitted: {admitted}"
        return admitted.run_id

    def wait(self, run_id: int, timeout: float = 5.0) -> SyncResult:
        """The result of a run."""
        result = self.system.wait_for(run_id, timeout=timeout)
        assert result is not None, (
            f"run {run_id} did not end in {timeout} s; events: {self.events.names()}"
        )
        return result

    def stop(self) -> None:
        if self._system is not None:
            self._system.stop(seconds=4.0)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.stop()


def wait_until(holds: Callable[[], bool], *, within: float = 5.0, what: str = "it") -> None:
    """Wait until `holds`, looking often; fails with `what` did not happen."""
    give_up_at = time.monotonic() + within
    while not holds():
        assert time.monotonic() < give_up_at, f"{what} did not happen within {within} s"
        time.sleep(0.005)


@pytest.fixture
def make_rig(
    make_simulator: Callable[..., Simulator],
    make_client: Callable[..., TestioClient],
    database: Database,
) -> Callable[..., Rig]:
    """A mirror of a simulated account with these options."""
    return lambda **options: Rig(make_simulator(**options), database, make_client)


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process goes by a time far from UTC."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "JST-9")  # no name: a bare machine has no table of them
        time.tzset()
        yield
    time.tzset()
