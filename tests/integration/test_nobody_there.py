"""What actors do where another one is not there, is leaving, or was never needed."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any, cast

import pytest

from actors.base import Address, BaseActor, HandlerFailed
from actors.clock import SystemClock
from actors.event_queue import KEPT_RESULTS, RunResults
from actors.messages import AdoptFresh, Drain, FreshAdopted, RunTicket, Tick
from actors.ports import SchedulePlan
from actors.worker_activity import WorkerActivity
from rules.model import (
    ErrorKind,
    Kind,
    RunRequest,
    RunStatus,
    SyncOptions,
    SyncPhase,
    SyncResult,
    Trigger,
)
from rules.records import Page, Stored
from rules.run.admission import Admission
from rules.run.events import EventName, RunClosed
from tests.conftest import Bench, wait_until
from tests.fakes import START, FakeClock
from tests.integration.test_runs import Hold
from tests.integration.test_supervision import Inbox

REQUEST = RunRequest(trigger=Trigger.API)


def test_a_tick_for_which_nobody_is_there_is_sent_again(bench: Bench) -> None:
    bench.interval = 60.0
    coordinator = bench.system.wiring.coordinator
    there = coordinator.ref
    coordinator.bind(None)
    bench.clock.move(61.0)
    bench.system.beat()
    assert bench.system.schedule().next_run_at == START + timedelta(seconds=120)
    assert bench.events.entries == []
    coordinator.bind(there)
    assert bench.wait(1).trigger_source is Trigger.SCHEDULE


def test_pausing_twice_and_the_same_interval_change_nothing(bench: Bench) -> None:
    bench.interval = 60.0
    assert [bench.system.pause(), bench.system.pause()] == [True, False]
    due = bench.system.schedule()
    bench.system.set_interval(60.0)
    assert bench.system.schedule() == due
    assert [bench.system.resume(), bench.system.resume()] == [True, False]
    wait_until(lambda: len(bench.events.entries) == 2, what="one pause and its end")
    assert bench.events.names() == ["paused", "resumed"]


def test_a_coordinator_that_is_leaving_takes_nothing_on(bench: Bench) -> None:
    hold = Hold()
    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = hold
    run_id = bench.start()
    assert hold.reached.wait(5)
    coordinator = bench.system.wiring.coordinator
    idle = coordinator.ask(Drain(), timeout=2.0)
    coordinator.tell(Tick(trigger=Trigger.SCHEDULE))
    assert bench.system.start_run(REQUEST).word is Admission.BUSY
    hold.let_go.set()
    assert bench.wait(run_id).status is RunStatus.CANCELLED
    assert idle.get(timeout=5.0)
    assert not bench.events.of(EventName.TICK_SKIPPED), "nobody waits for another run"


@pytest.mark.parametrize("over", [False, True])
def test_a_fresh_start_where_there_can_be_none_keeps_the_old_mirror(
    bench: Bench, over: bool
) -> None:
    request = RunRequest(trigger=Trigger.CLI, options=SyncOptions(nuke=True))
    result = bench.wait(bench.start(request))
    assert result.status is RunStatus.FAILED
    assert result.errors[0].kind is ErrorKind.STORAGE
    assert bench.mirror.pages == []
    ticket, inbox = RunTicket(run_id=9, request=request, started_at=START, started=0.0), Inbox()
    if over:
        ticket.requests.cancellation.cancel()
    bench.system.wiring.mirror.tell(AdoptFresh(ticket=ticket, reply_to=cast(Any, inbox)))
    answer = inbox.told.get(timeout=5)
    assert isinstance(answer, FreshAdopted)
    assert answer.problem is not None
    assert answer.problem.kind is (ErrorKind.CANCELLED if over else ErrorKind.STORAGE)


def test_a_forced_run_reads_a_list_that_lacks_rows_a_second_time(bench: Bench) -> None:
    """Only two listings in a row show that a feature is gone; a forced run makes both."""
    pages: list[Page] = []

    def store(page: Page, *, run_id: int, at: object) -> Stored:
        if page.kind is Kind.FEATURES and page.product_id == 2:
            pages.append(page)
            return Stored(missing=1)
        return Stored()

    bench.mirror.store_page = store  # type: ignore[method-assign]
    request = RunRequest(trigger=Trigger.API, options=SyncOptions(force=True))
    assert bench.wait(bench.start(request)).status is RunStatus.SUCCESS
    assert [page.cursor.confirming for page in pages if page.cursor is not None] == [False, True]
    assert bench.account.calls.count((SyncPhase.FEATURES, 1)) == 1


class Fragile(BaseActor):
    """Fails on everything."""

    def handle(self, message: object) -> object:
        raise ValueError(f"cannot stand {message}")


def test_an_actor_that_has_crashed_handles_nothing_more() -> None:
    """What is in its inbox before its stop is answered with the crash, not with half a state."""
    actor = Fragile(role="fragile", supervisor=Address("nobody"))
    with pytest.raises(HandlerFailed, match="failed on str"):
        actor.on_receive("noise")
    with pytest.raises(HandlerFailed, match="has crashed"):
        actor.on_receive("silence")


def test_the_board_keeps_the_last_results_only() -> None:
    results = RunResults()
    for run_id in range(KEPT_RESULTS + 1):
        result = SyncResult(
            run_id=run_id, status=RunStatus.SUCCESS, trigger_source=Trigger.SCHEDULE
        )
        results.publish(RunClosed(at=START, request=REQUEST, result=result))
    assert results.wait(0, timeout=0) is None
    newest = results.wait(KEPT_RESULTS, timeout=0)
    assert newest is not None
    assert newest.run_id == KEPT_RESULTS


def test_a_page_of_a_worker_that_is_gone_is_on_no_board() -> None:
    results = WorkerActivity()
    results.stored("worker-1", rows=30, now=1.0)
    assert results.busy() == ()


@pytest.mark.parametrize("has_boot_time", [True, False])
def test_elapsed_time_goes_forward_on_every_system(
    has_boot_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_boot_time:
        monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    clock = SystemClock()
    first = clock.elapsed()
    assert clock.elapsed() >= first


def test_a_daemon_that_was_paused_starts_paused_for_as_long_as_was_asked() -> None:
    clock = FakeClock()

    def plan(**more: Any) -> SchedulePlan:
        return SchedulePlan(interval_seconds=60.0, startup_run=False, **more)

    assert not plan().starting(clock).paused
    endless = plan(paused=True).starting(clock)
    assert (endless.paused, endless.next_at()) == (True, None)
    until = plan(paused=True, paused_until=clock.now() + timedelta(hours=1)).starting(clock)
    assert (until.paused, until.next_at()) == (True, 3600.0)
