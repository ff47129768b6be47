"""Phases in order, requests while a run is at work, cancelling, ticks, and the end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from actors.messages import Beat, Ping, StopAll, StopReport
from rules.model import ALL_PHASES, RunRequest, RunStatus, SyncPhase, SyncScope, Trigger
from rules.run.admission import Admission
from rules.run.events import EventName, RunClosed
from testio.errors import ServerError
from testio.limits import RequestScope
from tests.conftest import Bench, wait_until


class Hold:
    """A remote that hangs until it is let go, or until the run is cancelled."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, scope: RequestScope) -> None:
        self.reached.set()
        while not self.let_go.wait(0.005):
            scope.cancellation.check()


@pytest.mark.parametrize("asked", [ALL_PHASES, tuple(reversed(ALL_PHASES))])
def test_phases_run_strictly_in_order_whatever_order_is_asked(
    bench: Bench, asked: tuple[SyncPhase, ...]
) -> None:
    result = bench.run(*asked)
    assert result.status is RunStatus.SUCCESS
    assert result.phases_completed == ALL_PHASES
    order = [phase for phase, _ in bench.account.calls]
    assert order == sorted(order, key=ALL_PHASES.index), f"requests overlapped: {order}"


def test_a_phase_waits_for_the_last_product_of_the_one_before(bench: Bench) -> None:
    hold = Hold()
    bench.account.misbehave[(SyncPhase.FEATURES, 3)] = hold
    run_id = bench.start()
    assert hold.reached.wait(5)
    wait_until(
        lambda: len(bench.events.of(EventName.PRODUCT_SYNCED)) == 3,
        what="the end of the other products",
    )
    assert not [call for call in bench.account.calls if call[0] is SyncPhase.NEW_TESTS]
    hold.let_go.set()
    assert bench.wait(run_id).status is RunStatus.SUCCESS


def test_the_events_of_a_run_tell_its_story_in_order(bench: Bench) -> None:
    bench.run(SyncPhase.PRODUCTS, SyncPhase.FEATURES)
    names = bench.events.names()
    assert names == [
        "run_started",
        *("phase_started", "product_synced", "phase_finished"),
        *("phase_started", "product_synced", "product_synced", "product_synced", "phase_finished"),
        "run_finished",
    ]


def test_a_scope_of_products(bench: Bench) -> None:
    scope = SyncScope(product_ids=frozenset({2, 77}))
    result = bench.wait(bench.start(RunRequest(trigger=Trigger.API, scope=scope)))
    assert result.status is RunStatus.PARTIAL
    assert {p for phase, p in bench.account.calls if phase is not SyncPhase.PRODUCTS} == {2}
    assert {p.product_id for p in result.errors} == {77}, "an unknown product is named"


def test_requests_while_a_run_is_at_work(bench: Bench) -> None:
    hold = Hold()
    bench.account.misbehave[(SyncPhase.PRODUCTS, 0)] = hold
    first = bench.start()
    assert hold.reached.wait(5)
    ahead = RunRequest(trigger=Trigger.CLI, phases=(SyncPhase.NEW_TESTS,))
    joined = bench.system.start_run(ahead)
    assert (joined.word, joined.run_id) == (Admission.JOINED, first)
    full = RunRequest(trigger=Trigger.CLI)
    queued = bench.system.start_run(full)
    again = bench.system.start_run(full)
    assert (queued.word, again.word) == (Admission.QUEUED, Admission.QUEUED)
    assert queued.run_id == again.run_id == first + 1, "equal requests merge into one run"
    hold.let_go.set()
    assert bench.wait(first).status is RunStatus.SUCCESS
    assert bench.wait(first + 1).status is RunStatus.SUCCESS


def test_without_a_schedule_nothing_begins_by_itself(bench: Bench) -> None:
    bench.system.begin()
    assert bench.run(SyncPhase.PRODUCTS).run_id == 1


def test_cancel_ends_the_run_at_work_and_the_one_that_waits_begins(bench: Bench) -> None:
    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = Hold()
    run_id = bench.start()
    wait_until(
        lambda: (SyncPhase.FEATURES, 1) in bench.account.calls, what="the request that hangs"
    )
    queued = bench.start(RunRequest(trigger=Trigger.CLI))
    bench.account.misbehave.clear()
    assert bench.system.cancel("enough") == run_id
    assert bench.wait(run_id).status is RunStatus.CANCELLED
    assert bench.wait(queued).status is RunStatus.SUCCESS
    wait_until(lambda: bench.system.status().current is None, what="the end of the second run")
    assert bench.system.cancel("again") is None


def test_a_run_that_ends_is_cancelled_once(bench: Bench) -> None:
    let_go = threading.Event()

    def deaf(_scope: RequestScope) -> None:
        let_go.wait(5)

    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = deaf
    run_id = bench.start()
    wait_until(
        lambda: (SyncPhase.FEATURES, 1) in bench.account.calls, what="the request that hangs"
    )
    assert [bench.system.cancel("enough"), bench.system.cancel("now")] == [run_id, run_id]
    let_go.set()
    assert bench.wait(run_id).status is RunStatus.CANCELLED
    assert len(bench.events.of(EventName.RUN_CANCEL_REQUESTED)) == 1


def test_nobody_hears_of_the_end_before_it_is_written(bench: Bench) -> None:
    gate = threading.Event()

    def wait_at_the_end(entries: object) -> None:
        assert isinstance(entries, tuple)
        if any(isinstance(entry, RunClosed) for entry in entries):
            gate.wait(5)

    bench.events.before_write = wait_at_the_end
    run_id = bench.start()
    wait_until(lambda: len(bench.account.calls) == 10, what="the last request")
    assert bench.system.wait_for(run_id, timeout=0.1) is None
    gate.set()
    assert bench.wait(run_id).status is RunStatus.SUCCESS


def test_the_status_is_answered_while_every_worker_hangs(bench: Bench) -> None:
    hold = Hold()
    for product_id in bench.account.products:
        bench.account.misbehave[(SyncPhase.FEATURES, product_id)] = hold
    run_id = bench.start()
    assert hold.reached.wait(5)
    current = bench.system.status().current
    assert current is not None
    assert current.run_id == run_id
    features = next(p for p in current.phases if p.phase is SyncPhase.FEATURES)
    assert (features.total, features.complete, features.finished) == (3, 0, False)
    hold.let_go.set()
    bench.wait(run_id)


# -- ticks -------------------------------------------------------------------------------------


@pytest.fixture
def ticking(bench: Bench) -> Callable[[float], None]:
    """A system with an interval of 100 s whose clock and heart are moved by hand."""
    bench.interval, bench.pulse_seconds = 100.0, None
    bench.system.begin()

    def move(seconds: float) -> None:
        bench.clock.move(seconds)
        bench.system.beat()
        bench.system.schedule()  # an answer shows that the beat was handled

    return move


def runs(bench: Bench) -> int:
    return bench.events.names().count("run_finished")


def test_the_interval_is_kept(bench: Bench, ticking: Callable[[float], None]) -> None:
    ticking(99)
    assert bench.account.calls == []
    ticking(1)
    wait_until(lambda: runs(bench) == 1, what="the first periodic run")
    ticking(99)
    ticking(1)
    wait_until(lambda: runs(bench) == 2, what="the second periodic run")


def test_missed_ticks_become_one_and_the_grid_stays(
    bench: Bench, ticking: Callable[[float], None]
) -> None:
    ticking(730)
    wait_until(lambda: runs(bench) == 1, what="the run after a long sleep")
    next_run_at = bench.system.schedule().next_run_at
    assert next_run_at is not None
    assert (next_run_at - bench.clock.now()).total_seconds() == 70


def test_a_tick_during_a_run_is_skipped_and_written_down(
    bench: Bench, ticking: Callable[[float], None]
) -> None:
    hold = Hold()
    bench.account.misbehave[(SyncPhase.PRODUCTS, 0)] = hold
    ticking(100)
    assert hold.reached.wait(5)
    ticking(100)
    wait_until(lambda: bool(bench.events.of(EventName.TICK_SKIPPED)), what="the skipped tick")
    assert bench.events.of(EventName.TICK_SKIPPED)[0].detail["reason"] == "a run is in progress"
    hold.let_go.set()
    wait_until(lambda: runs(bench) == 1, what="the end of the run")


def test_an_error_in_one_cycle_does_not_stop_the_next(
    bench: Bench, ticking: Callable[[float], None]
) -> None:
    def fail(_scope: RequestScope) -> None:
        raise ServerError("the remote failed (500)")

    bench.account.misbehave[(SyncPhase.PRODUCTS, 0)] = fail
    ticking(100)
    wait_until(lambda: runs(bench) == 1, what="the failing run")
    bench.account.misbehave.clear()
    ticking(100)
    wait_until(lambda: runs(bench) == 2, what="the next run")
    closed = [e.result.status for e in bench.events.entries if isinstance(e, RunClosed)]
    assert closed == [RunStatus.PARTIAL, RunStatus.SUCCESS]


def test_pause_stops_ticks_but_not_runs_asked_for(
    bench: Bench, ticking: Callable[[float], None]
) -> None:
    assert bench.system.pause()
    assert not bench.system.pause(), "the second time says that nothing changed"
    ticking(500)
    assert bench.system.schedule().next_run_at is None
    assert bench.run().status is RunStatus.SUCCESS
    assert bench.system.resume()
    ticking(0)
    wait_until(lambda: runs(bench) == 2, what="the run that fell due during the pause")


def test_a_run_at_start(bench: Bench) -> None:
    bench.interval, bench.startup_run = 0.0, True
    bench.system.begin()
    wait_until(lambda: runs(bench) == 1, what="the start-up run, with periodic runs turned off")
    closed = next(e for e in bench.events.entries if isinstance(e, RunClosed))
    assert closed.result.trigger_source is Trigger.STARTUP


# -- the end -----------------------------------------------------------------------------------


def test_stop_cancels_the_run_and_writes_its_end(bench: Bench) -> None:
    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = Hold()
    run_id = bench.start()
    wait_until(
        lambda: (SyncPhase.FEATURES, 1) in bench.account.calls, what="the request that hangs"
    )
    report = bench.system.stop(seconds=5.0)
    assert report.abandoned == ()
    assert bench.wait(run_id, timeout=0.1).status is RunStatus.CANCELLED
    assert bench.events.names()[-1] == "run_finished"


def test_a_beat_that_comes_after_the_stop_brings_nobody_back(bench: Bench) -> None:
    bench.run()
    supervisor = bench.system.wiring.supervisor
    bench.system.beat()
    stopping = supervisor.ref.ask(StopAll(seconds=4.0), block=False) if supervisor.ref else None
    for _ in range(20):
        supervisor.tell(Beat())
    assert stopping is not None
    assert stopping.get(timeout=5) == StopReport(abandoned=())
    supervisor.ask(Ping(), timeout=5)
    alive = [a.role for a in bench.system.wiring.crew if a.ref is not None and a.ref.is_alive()]
    assert alive == []


def test_a_worker_that_does_not_end_is_left_behind_and_named(bench: Bench) -> None:
    bench.workers = 1
    stuck = threading.Event()

    def hang(_scope: RequestScope) -> None:
        stuck.wait(20)

    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = hang
    bench.start()
    wait_until(lambda: (SyncPhase.FEATURES, 1) in bench.account.calls, what="the stuck request")
    report = bench.system.stop(seconds=3.5)
    assert report.abandoned == ("worker-1",)
    stuck.set()
