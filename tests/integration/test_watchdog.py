"""The watchdog over real actors: beats while they answer, none once one of them hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from actors.base import Address
from actors.messages import Ping
from config.settings import Settings
from control.views import DaemonView
from rules.diagnosis.limits import ANSWER_SECONDS, WRITE_SECONDS, quiet_limit
from rules.model import BreakerState, SyncPhase
from rules.run.events import Entry
from rules.run.remote_state import RemoteState
from service.monitoring.lookout import Lookout
from service.monitoring.watchdog import Watchdog
from service.systemd.sd_notify import SdNotify
from storage.engine.database import Database
from storage.engine.errors import StorageError
from testio.limits import RequestScope
from tests.conftest import Bench, wait_until
from tests.listener import Listener, listening

TIMEOUT = 30.0
WELL = RemoteState(
    results={},
    retries=0,
    in_flight=0,
    connections=1,
    requests_per_second=0,
    parked_seconds=0.0,
    breaker=BreakerState.CLOSED,
    open_seconds=0.0,
    last_failure="",
)
PERIOD = 120.0
BEAT = "WATCHDOG=1"


class Watched:
    """A watchdog over the system of a bench, and what systemd hears of it."""

    def __init__(self, bench: Bench, systemd: Listener, database: Path) -> None:
        self.now = 0.0
        self.systemd = systemd
        bench.interval = 900.0
        self.system = bench.system
        sd_notify = SdNotify(systemd.address, PERIOD)
        settings = Settings(TESTIO_DB_PATH=database)  # type: ignore[call-arg]
        lookout = Lookout(
            settings=lambda: settings,
            system=self.system,
            daemon=DaemonView(pid=1, started_at=datetime.now(UTC), version="1", socket="s"),
            remote=lambda: WELL,
            clock=lambda: self.now,
        )
        self.dog = Watchdog(
            sd_notify, lookout, http_timeout=lambda: TIMEOUT, clock=lambda: self.now
        )

    def look(self, after: float = 0.0) -> str | None:
        """Look again, and again once everybody who can has answered; what is wrong."""
        self._let_them_answer()
        self.now += after
        self.dog.look()
        self._let_them_answer()
        self.dog.look()
        self.systemd.all()  # a queue that nobody reads holds few messages
        return self.dog.ill

    def _let_them_answer(self) -> None:
        """Whoever is not stuck has answered what was asked before this."""
        wiring = self.system.wiring
        for address in (wiring.coordinator, wiring.scheduler, wiring.supervisor, wiring.logger):
            if address not in self.stuck:
                address.ask(Ping(), timeout=5.0)

    stuck: Sequence[Address] = ()

    def beats(self) -> int:
        """Beats so far."""
        return self.systemd.all().count(BEAT)

    def status(self) -> str:
        """The last status line."""
        told = [line for m in self.systemd.all() for line in m.splitlines()]
        return next(line for line in reversed(told) if line.startswith("STATUS="))


@pytest.fixture
def watched(bench: Bench, tmp_path: Path, database: Database) -> Iterator[Watched]:
    with listening(tmp_path) as systemd:
        yield Watched(bench, systemd, database.path)


@pytest.fixture
def hold() -> Iterator[threading.Event]:
    """Whoever waits for it goes on with the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def test_an_idle_daemon_is_fed_four_times_a_period(watched: Watched) -> None:
    for _ in range(2 * int(PERIOD)):
        watched.look(after=1.0)
    assert watched.beats() == pytest.approx(8, abs=1)
    assert watched.status().startswith("STATUS=idle; next run in ")


def test_a_coordinator_that_hangs_stops_the_beats(watched: Watched, hold: threading.Event) -> None:
    assert watched.look() is None
    coordinator = watched.system.wiring.coordinator
    hung = hang(coordinator, hold)
    watched.stuck = [coordinator]
    watched.look()  # takes what was answered before
    assert watched.look(after=ANSWER_SECONDS - 1) is None
    before = watched.beats()
    assert watched.look(after=2.0) is not None
    for _ in range(5):
        watched.look(after=PERIOD)
    assert watched.beats() == before
    assert watched.status().startswith("STATUS=not alive: the coordinator has not answered")
    hold.set()
    hung()
    watched.stuck = ()
    assert watched.look() is None
    assert watched.beats() == before + 1


def test_a_logger_that_hangs_stops_the_beats(
    bench: Bench, watched: Watched, hold: threading.Event
) -> None:
    writing = threading.Event()

    def hang_in_the_disk(_entries: Sequence[Entry]) -> None:
        writing.set()
        hold.wait(30)

    bench.events.before_write = hang_in_the_disk
    watched.system.pause()
    assert writing.wait(5)
    watched.stuck = [watched.system.wiring.logger]
    watched.look()
    assert watched.look(after=WRITE_SECONDS - 1) is None
    before = watched.beats()
    assert "logger" in (watched.look(after=2.0) or "")
    watched.look(after=PERIOD)
    assert watched.beats() == before


def test_a_full_disk_is_no_reason_to_be_killed(bench: Bench, watched: Watched) -> None:
    disk_is_full(bench)
    run_id = bench.start()
    wait_until(lambda: watched.system.event_queue.stuck_because is not None, what="the full disk")
    for _ in range(20):
        assert watched.look(after=quiet_limit(TIMEOUT) / 4) is None
    assert watched.beats() >= 20
    assert "what happens cannot be written for" in watched.status()
    assert watched.status().endswith(": the disk is full")
    bench.events.before_write = lambda _entries: None
    bench.wait(run_id)
    assert watched.look() is None


def test_a_run_has_its_time_again_once_the_disk_takes_something(
    bench: Bench, watched: Watched, hold: threading.Event
) -> None:
    bench.account.misbehave[(SyncPhase.FEATURES, 2)] = lambda _scope: none(hold.wait(30))
    disk_is_full(bench)
    run_id = bench.start()
    wait_until(lambda: "features 2 of 3" in said(watched), what="the other two products")
    limit = quiet_limit(TIMEOUT)
    assert watched.look(after=2 * limit) is None
    bench.events.before_write = lambda _entries: None
    wait_until(
        lambda: watched.system.event_queue.stuck_because is None, what="the end of the trouble"
    )
    assert watched.look() is None
    assert watched.look(after=limit - 1) is None
    assert watched.look(after=2.0) is not None
    hold.set()
    bench.wait(run_id)


def test_a_logger_that_comes_back_from_writing_in_vain_is_alive(
    bench: Bench, watched: Watched, hold: threading.Event
) -> None:
    """Behind a database that another process holds, a Ping waits longer than the writing does."""
    turns = threading.Semaphore(0)

    def locked(_entries: Sequence[Entry]) -> None:
        while not (turns.acquire(timeout=0.01) or hold.is_set()):
            pass
        raise StorageError("the database is locked")

    bench.events.before_write = locked
    watched.system.pause()
    event_queue, logger = watched.system.event_queue, watched.system.wiring.logger
    watched.stuck = [logger]
    wait_until(lambda: waiting_for(logger) > 20, what="a queue before the logger")
    watched.look()
    for tries in range(1, 6):
        turns.release()
        wait_until(lambda tries=tries: event_queue.tries == tries, what="a try")  # type: ignore[misc]
        assert watched.look(after=WRITE_SECONDS - 1) is None
    assert "logger" in (watched.look(after=WRITE_SECONDS + 1) or "")


def test_a_run_that_does_not_move_stops_the_beats_and_one_that_does_goes_on(
    bench: Bench, watched: Watched, hold: threading.Event
) -> None:
    scopes: list[RequestScope] = []

    def never_answer(scope: RequestScope) -> None:
        scopes.append(scope)
        hold.wait(30)

    bench.account.misbehave[(SyncPhase.FEATURES, 2)] = never_answer
    run_id = bench.start()
    wait_until(lambda: bool(scopes), what="the request that hangs")
    wait_until(lambda: "features 2 of 3" in said(watched), what="the other two products")
    limit = quiet_limit(TIMEOUT)
    assert watched.status() == f"STATUS=run {run_id}: features 2 of 3"
    assert watched.look(after=limit - 1) is None
    scopes[0].attempts.note()  # what a request does that comes back, however it ended
    assert watched.look(after=limit - 1) is None
    before = watched.beats()
    assert "run at work" in (watched.look(after=limit + 1) or "")
    assert watched.beats() == before
    hold.set()
    bench.wait(run_id)
    assert watched.look() is None
    assert watched.beats() == before + 1


@pytest.mark.parametrize("hung", [False, True], ids=["dead", "hung"])
def test_a_replaced_coordinator_is_asked_anew(
    watched: Watched, hold: threading.Event, hung: bool
) -> None:
    watched.look()
    wiring = watched.system.wiring
    address, old = wiring.coordinator, wiring.coordinator.ref
    if hung:
        hang(address, hold)
        watched.dog.look()  # its question is with the one that hangs
    dying = wiring.phases[SyncPhase.FEATURES] if hung else address
    assert dying.ref is not None
    dying.ref.stop(block=True)
    wait_until(lambda: address.ref not in (None, old), what="its replacement")
    for _ in range(5):
        assert watched.look(after=ANSWER_SECONDS - 1) is None


def said(watched: Watched) -> str:
    watched.look()
    return watched.status()


def none(_value: object) -> None:
    """For a lambda that has nothing to tell."""


def waiting_for(address: Address) -> int:
    """How many messages are in the actor's inbox."""
    ref = address.ref
    return 0 if ref is None else ref.actor_inbox.qsize()  # type: ignore[attr-defined]


def disk_is_full(bench: Bench) -> None:
    def refuse(_entries: Sequence[Entry]) -> None:
        raise StorageError("the disk is full")

    bench.events.before_write = refuse


class _Hang:
    """A message whose handling never ends: pykka compares nothing before the actor handles it."""


def hang(address: Address, hold: threading.Event) -> Callable[[], None]:
    """Have the actor hang in its next message; returns how to wait for its end."""
    ref = address.ref
    assert ref is not None
    actor = ref._actor_weakref()
    assert actor is not None
    handle, entered, left = actor.handle, threading.Event(), threading.Event()

    def hanging(message: object) -> object:
        if isinstance(message, _Hang):
            entered.set()
            hold.wait(30)
            left.set()
            return True
        return handle(message)

    actor.handle = hanging
    ref.tell(_Hang())
    assert entered.wait(5)
    return lambda: wait_until(left.is_set, what="the end of the hang")
