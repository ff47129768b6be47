"""Steering the actors while they work: pauses, intervals, one product left out, more workers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta

from rules.model import ErrorKind, Outcome, RunStatus, SyncPhase, Trigger
from rules.run.events import EventName
from testio.limits import RequestScope
from tests.conftest import Bench, wait_until
from tests.fakes import START


@dataclass
class Blocked:
    """A request that waits until it is let go or cut."""

    reached: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, scope: RequestScope) -> None:
        self.reached.set()
        while not self.let_go.is_set():
            scope.cancellation.sleep(0.01)


def ticks(bench: Bench) -> int:
    return bench.events.names().count(EventName.RUN_STARTED)


def beat(bench: Bench, seconds: float) -> None:
    """Move the clock and let the Scheduler look at it."""
    bench.clock.move(seconds)
    bench.system.beat()
    bench.system.schedule()


def test_a_pause_ends_by_itself_and_sends_the_tick_that_fell_due(bench: Bench) -> None:
    bench.interval, bench.pulse_seconds = 900.0, None
    until = START + timedelta(hours=2)
    assert bench.system.pause(until)
    state = bench.system.schedule()
    assert (state.paused, state.paused_until, state.next_run_at) == (True, until, until)
    beat(bench, 3_600)
    assert ticks(bench) == 0
    beat(bench, 3_600)
    wait_until(lambda: ticks(bench) == 1, what="the run after the pause")
    assert not bench.system.schedule().paused
    (resumed,) = bench.events.of(EventName.RESUMED)
    assert resumed.detail == {"by": "the end of the pause"}


def test_a_pause_is_replaced_by_another_one_and_an_endless_one_by_itself_is_none(
    bench: Bench,
) -> None:
    bench.interval, bench.pulse_seconds = 900.0, None
    assert bench.system.pause(START + timedelta(hours=1))
    assert bench.system.pause()
    assert bench.system.schedule().next_run_at is None
    assert not bench.system.pause(), "it is paused so already"
    assert bench.system.pause(START + timedelta(hours=3)), "this one ends"


def test_a_shorter_interval_makes_an_overdue_run_due_and_zero_ends_them(bench: Bench) -> None:
    bench.interval, bench.pulse_seconds = 900.0, None
    beat(bench, 0)
    beat(bench, 600)
    assert ticks(bench) == 0
    bench.system.set_interval(300)
    beat(bench, 0)
    wait_until(lambda: ticks(bench) == 1, what="the overdue run")
    bench.system.set_interval(0)
    assert bench.system.schedule().next_run_at is None
    beat(bench, 10_000)
    assert ticks(bench) == 1


def test_a_replaced_scheduler_keeps_pause_and_interval(bench: Bench) -> None:
    bench.interval = 900.0
    until = START + timedelta(hours=2)
    bench.system.set_interval(60)
    bench.system.pause(until)
    address = bench.system.wiring.scheduler
    old = address.ref
    assert old is not None
    old.stop()
    wait_until(lambda: address.ref not in (None, old), what="the replacement")
    state = bench.system.schedule()
    assert (state.interval_seconds, state.paused_until) == (60, until)


def test_a_product_at_a_worker_is_cut_off_and_the_others_complete(bench: Bench) -> None:
    blocked = Blocked()
    bench.account.misbehave[(SyncPhase.FEATURES, 2)] = blocked
    run_id = bench.start()
    assert blocked.reached.wait(5)
    assert bench.system.cancel_product(2, "left out") == run_id
    result = bench.wait(run_id)
    assert result.status is RunStatus.PARTIAL
    skipped = bench.events.of(EventName.PRODUCT_SKIPPED)
    assert [(e.phase, e.product_id, e.outcome) for e in skipped] == [
        (SyncPhase.FEATURES, 2, Outcome.SKIPPED),
        (SyncPhase.NEW_TESTS, 2, Outcome.SKIPPED),
    ]
    assert all(e.problem and e.problem.kind is ErrorKind.CANCELLED for e in skipped)
    assert (SyncPhase.NEW_TESTS, 2) not in bench.account.calls
    assert result.products_synced == 2
    blocked.let_go.set()
    assert bench.run().status is RunStatus.SUCCESS, "it is left out of one run only"


def test_a_product_that_waits_is_left_out_without_a_request(bench: Bench) -> None:
    bench.workers = 1
    blocked = Blocked()
    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = blocked
    run_id = bench.start()
    assert blocked.reached.wait(5)
    assert bench.system.cancel_product(3, "left out") == run_id
    assert bench.system.cancel_product(3, "left out") is None, "it is left out already"
    blocked.let_go.set()
    bench.wait(run_id)
    assert not [product for _phase, product in bench.account.calls if product == 3]


def test_there_is_nothing_to_leave_out_of_no_run_or_of_one_that_does_not_concern_it(
    bench: Bench,
) -> None:
    assert bench.system.cancel_product(2, "left out") is None
    blocked = Blocked()
    bench.account.misbehave[(SyncPhase.NEW_TESTS, 3)] = blocked
    run_id = bench.start()
    assert blocked.reached.wait(5)
    wait_until(
        lambda: any(
            e.product_id == 1 and e.phase is SyncPhase.NEW_TESTS
            for e in bench.events.of(EventName.PRODUCT_SYNCED)
        ),
        what="the end of product 1",
    )
    assert bench.system.cancel_product(1, "left out") is None, "nothing is left to do for it"
    blocked.let_go.set()
    assert bench.wait(run_id).status is RunStatus.SUCCESS


def test_workers_employed_in_the_middle_of_a_phase_take_part_in_it(bench: Bench) -> None:
    bench.workers = 1
    blocked = Blocked()
    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = blocked
    run_id = bench.start()
    assert blocked.reached.wait(5)
    bench.system.employ(2)
    wait_until(
        lambda: (SyncPhase.FEATURES, 3) in bench.account.calls,
        what="the other products, by the second worker",
    )
    blocked.let_go.set()
    assert bench.wait(run_id).status is RunStatus.SUCCESS
    assert "worker-2" in bench.system.mailboxes()
    bench.system.employ(1)
    assert bench.run().status is RunStatus.SUCCESS


def test_a_worker_that_was_employed_later_is_replaced_like_the_others(bench: Bench) -> None:
    bench.workers = 1
    bench.system.employ(3)
    address = bench.system.wiring.workers[2]
    old = address.ref
    assert old is not None
    old.stop()
    wait_until(lambda: address.ref not in (None, old), what="the replacement")
    assert bench.run().status is RunStatus.SUCCESS


def test_onlookers_see_what_a_worker_does_and_that_it_is_free_again(bench: Bench) -> None:
    blocked = Blocked()
    bench.account.misbehave[(SyncPhase.FEATURES, 2)] = blocked
    run_id = bench.start()
    assert blocked.reached.wait(5)
    wait_until(lambda: len(bench.system.busy()) == 1, what="the other workers' end")
    (seen,) = bench.system.busy()
    assert (seen.run_id, seen.phase, seen.product_id, seen.pages) == (
        run_id,
        SyncPhase.FEATURES,
        2,
        0,
    )
    blocked.let_go.set()
    bench.wait(run_id)
    assert bench.system.busy() == ()
    wait_until(lambda: set(bench.system.mailboxes().values()) == {0}, what="empty mailboxes")


def test_what_a_dead_worker_was_doing_is_not_shown_for_ever(bench: Bench) -> None:
    def crash(_scope: RequestScope) -> None:
        raise RuntimeError("a bug")

    bench.account.misbehave[(SyncPhase.FEATURES, 2)] = crash
    assert bench.run().status is RunStatus.PARTIAL
    wait_until(lambda: bench.system.busy() == (), what="the replacement's clean start")


def test_a_run_at_start_that_a_pause_held_back_is_made_at_its_end(bench: Bench) -> None:
    bench.interval, bench.startup_run, bench.pulse_seconds = 0.0, True, None
    bench.system.pause()
    bench.system.begin()
    beat(bench, 10_000)
    assert ticks(bench) == 0
    bench.system.resume()
    wait_until(lambda: ticks(bench) == 1, what="the run at start")
    assert bench.wait(1).trigger_source is Trigger.STARTUP
