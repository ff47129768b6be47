"""Crashes of every kind of actor: what is lost, what is not, and when the daemon gives up."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from actors import supervisor
from actors.base import Address, NoAnswer
from actors.coordinator import Coordinator
from actors.logger import Logger
from actors.messages import (
    PageRefused,
    ProductFailed,
    Ref,
    RunRecorded,
    RunTicket,
    StartRun,
    StorePage,
)
from actors.mirror_writer import MirrorWriter
from actors.phase import PhaseActor
from actors.scheduler import Scheduler
from actors.supervisor import Supervisor
from config.secrets import REDACTOR
from rules.model import ErrorKind, Kind, Problem, RunRequest, RunStatus, SyncPhase, Trigger
from rules.records import Page
from rules.run.events import Entry, EventName, RunClosed, RunOpened, SyncEvent
from storage.engine.errors import StorageError
from testio.limits import RequestScope
from tests.conftest import Bench, wait_until
from tests.fakes import START, feature
from tests.integration.test_runs import Hold


@dataclass(frozen=True)
class Crash:
    """A message that every actor fails on, in these tests; not before it is `let_go`."""

    error: BaseException
    let_go: threading.Event | None = None


@dataclass(frozen=True)
class Pause:
    """A message that keeps an actor busy until it is `let_go`."""

    let_go: threading.Event


@pytest.fixture(autouse=True)
def _crashable(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Coordinator, Logger, MirrorWriter, PhaseActor, Scheduler, Supervisor):
        monkeypatch.setattr(kind, "handle", _crashing(kind.handle))


def _crashing(original: Callable[[Any, Any], object]) -> Callable[[Any, Any], object]:
    def handle(self: object, message: object) -> object:
        if isinstance(message, Crash):
            assert message.let_go is None or message.let_go.wait(5)
            raise message.error
        if isinstance(message, Pause):
            assert message.let_go.wait(5)
            return None
        return original(self, message)

    return handle


def crash(address: Address, error: BaseException) -> None:
    """Make the actor that is there now fail."""
    assert address.tell(Crash(error)) is not None


@pytest.fixture
def held(bench: Bench) -> tuple[Bench, Hold, int]:
    """A run in its second phase, with one product's request under way."""
    hold = Hold()
    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = hold
    run_id = bench.start()
    assert hold.reached.wait(5)
    return bench, hold, run_id


@pytest.mark.parametrize("error", [RuntimeError("bug"), SystemExit(1)], ids=["bug", "SystemExit"])
@pytest.mark.parametrize("role", ["coordinator", "features-phase"])
def test_a_crash_of_the_coordinator_or_a_phase_fails_the_run_and_the_next_one_works(
    held: tuple[Bench, Hold, int], role: str, error: BaseException
) -> None:
    bench, _, run_id = held
    wiring = bench.system.wiring
    queued = bench.start()
    old = {address.role: address.ref for address in wiring.crew}
    crash(next(address for address in wiring.crew if address.role == role), error)
    result = bench.wait(run_id)
    assert result.status is RunStatus.FAILED
    assert result.errors[0].kind is ErrorKind.CRASHED
    assert role in result.errors[0].message
    assert bench.wait(queued).status is RunStatus.FAILED, "who waits in the queue hears of it too"
    wait_until(
        lambda: all(a.ref not in (None, old[a.role]) for a in wiring.crew),
        what="fresh refs for all that works for a run",
    )
    bench.account.misbehave.clear()
    assert bench.run().status is RunStatus.SUCCESS
    opened = [e.run_id for e in bench.events.entries if isinstance(e, RunOpened)]
    assert opened == [run_id, queued + 1], "the run that waited never began"


def test_what_is_told_of_a_crash_holds_no_secret(held: tuple[Bench, Hold, int]) -> None:
    """A bug's error may hold anything; it goes into the database and out of the socket."""
    bench, _, run_id = held
    REDACTOR.add("Tk+/='4711%")
    headers = {"Authorization": "Token Tk+/='4711%"}
    crash(bench.system.wiring.coordinator, RuntimeError(f"bug {headers}"))
    problems = [problem.message for problem in bench.wait(run_id).errors]
    assert any("Token [secret]" in message for message in problems), problems
    assert "4711" not in str(bench.events.entries)


def test_a_question_that_the_crashed_one_never_came_to_is_answered_by_the_next(
    bench: Bench,
) -> None:
    coordinator, let_go = bench.system.wiring.coordinator, threading.Event()
    assert coordinator.tell(Crash(RuntimeError("bug"), let_go)) is not None
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.append(bench.system.status()))
    asking.start()
    wait_until(lambda: bench.system.mailboxes()["coordinator"] == 1, what="a question that waits")
    let_go.set()
    asking.join(5)
    assert len(answers) == 1


@pytest.mark.parametrize("role", ["coordinator", "features-phase", "new_tests-phase"])
def test_a_run_asked_for_in_the_middle_of_a_replacement_ends(
    held: tuple[Bench, Hold, int], role: str
) -> None:
    """The old Coordinator may live on for a moment; nothing of it reaches the new crew."""
    bench, _, run_id = held
    bench.account.misbehave.clear()
    ids = [bench.start()]
    crash(next(a for a in bench.system.wiring.crew if a.role == role), RuntimeError("bug"))
    for _ in range(5):
        with contextlib.suppress(NoAnswer):
            admitted = bench.system.start_run(RunRequest(trigger=Trigger.API))
            ids += [admitted.run_id] if admitted.run_id is not None else []
    for asked in {run_id, *ids}:
        bench.wait(asked)
    closed = [e.result.run_id for e in bench.events.entries if isinstance(e, RunClosed)]
    assert sorted(closed) == sorted(set(closed)), "a run ends once"
    opened = [e.run_id for e in bench.events.entries if isinstance(e, RunOpened)]
    assert set(opened) <= set(closed)
    assert bench.system.status().current is None


def test_what_is_added_to_a_run_that_waits_is_in_its_row_when_the_crew_dies(
    held: tuple[Bench, Hold, int],
) -> None:
    """The Coordinator says yes after its Supervisor has begun to dismiss it, and before its end."""
    bench, _, _ = held
    wiring, let_go = bench.system.wiring, threading.Event()
    waiting = bench.start(RunRequest(trigger=Trigger.CLI, phases=(SyncPhase.PRODUCTS,)))
    old = wiring.coordinator.ref
    assert old is not None
    old.tell(Pause(let_go))
    added = old.ask(
        StartRun(request=RunRequest(trigger=Trigger.API, phases=(SyncPhase.FEATURES,))), block=False
    )
    crash(wiring.phases[SyncPhase.NEW_TESTS], RuntimeError("bug"))
    wait_until(lambda: wiring.coordinator.ref is not old, what="the Coordinator's dismissal")
    let_go.set()
    assert added.get(timeout=5).run_id == waiting
    assert bench.wait(waiting).status is RunStatus.FAILED
    ends = [e for e in bench.events.entries if isinstance(e, RunClosed)]
    [closed] = [end for end in ends if end.result.run_id == waiting]
    assert closed.request.phases == (SyncPhase.PRODUCTS, SyncPhase.FEATURES)


def test_a_run_that_does_not_end_while_the_system_stops_is_closed_after_its_last_event(
    held: tuple[Bench, Hold, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, _, run_id = held
    stopping, stop_refs = threading.Event(), supervisor._stop_refs

    def stop(refs: Iterable[Ref], *, within: float) -> list[str]:
        refs = list(refs)
        if len(refs) == len(bench.system.wiring.crew):
            stopping.set()
        return stop_refs(refs, within=within)

    monkeypatch.setattr(supervisor, "_stop_refs", stop)
    assert bench.system.wiring.phases[SyncPhase.FEATURES].tell(Pause(stopping))
    assert bench.system.stop(seconds=3.5).abandoned == ()
    entries = [e for e in bench.events.entries if getattr(e, "run_id", None) == run_id]
    assert [e for e in entries if isinstance(e, SyncEvent)][-1].event is EventName.PHASE_FINISHED
    last = bench.events.entries[-1]
    assert isinstance(last, RunClosed), bench.events.names()
    assert last.result.status is RunStatus.CANCELLED


def test_a_worker_that_dies_while_the_system_stops_costs_no_run_its_end(
    held: tuple[Bench, Hold, int],
) -> None:
    bench, _, run_id = held

    def die(scope: RequestScope) -> None:
        while not scope.cancellation.cancelled:
            time.sleep(0.005)
        raise RuntimeError("a bug on the way out")

    for product_id in (2, 3):
        bench.account.misbehave[(SyncPhase.FEATURES, product_id)] = die
    began = time.monotonic()
    report = bench.system.stop(seconds=5.0)
    assert time.monotonic() - began < 3
    assert report.abandoned == ()
    assert bench.wait(run_id, timeout=0.1).status is RunStatus.CANCELLED


def test_giving_up_ends_the_run_at_work(bench: Bench) -> None:
    run_id = 0
    for attempt in range(4):
        hold = Hold()
        bench.account.misbehave[(SyncPhase.FEATURES, 1)] = hold
        run_id = bench.start()
        assert hold.reached.wait(5)
        before = bench.system.wiring.coordinator.ref
        crash(bench.system.wiring.coordinator, RuntimeError(f"crash {attempt}"))
        assert bench.wait(run_id).status is RunStatus.FAILED
        if attempt < 3:
            wait_until(
                lambda old=before: bench.system.wiring.coordinator.ref not in (None, old),  # type: ignore[misc]
                what="a replacement",
            )
    assert bench.system.gave_up.wait(5)


def test_a_log_that_cannot_be_written_loses_no_event_and_stops_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: object, _entry: Entry) -> None:
        raise OSError("the log's folder is gone")

    monkeypatch.setattr("actors.event_log.EventLog.show", broken)
    assert bench.run().status is RunStatus.SUCCESS
    assert bench.events.names()[-1] == "run_finished"


def test_a_crash_of_mirror_fails_only_the_products_that_were_not_acknowledged(
    bench: Bench,
) -> None:
    def crash_once(page: Page) -> None:
        if page.kind is Kind.FEATURES and page.product_id == 2:
            bench.mirror.before_store = lambda _page: None
            raise SystemExit("the writer dies")

    bench.mirror.before_store = crash_once
    bench.workers = 1
    result = bench.run()
    assert result.status is RunStatus.PARTIAL
    assert [(p.product_id, p.kind) for p in result.errors] == [(2, ErrorKind.CRASHED)]
    stored = {(page.kind, page.product_id) for page in bench.mirror.pages}
    assert (Kind.FEATURES, 2) not in stored
    assert {(Kind.FEATURES, 1), (Kind.FEATURES, 3), (Kind.TESTS, 2)} <= stored


def test_a_crash_of_the_logger_loses_no_event(bench: Bench) -> None:
    crashed = threading.Event()

    def crash_once(entries: Sequence[Entry]) -> None:
        if not crashed.is_set() and len(bench.events.entries) + len(entries) >= 3:
            crashed.set()
            raise SystemExit("the logger dies")

    bench.events.before_write = crash_once
    assert bench.run().status is RunStatus.SUCCESS
    assert crashed.is_set()
    names = [name for name in bench.events.names() if not name.startswith("actor_")]
    assert names.count("product_synced") == 7, names
    assert (names[0], names[-1]) == ("run_started", "run_finished")


def test_events_wait_while_the_database_cannot_be_written(bench: Bench) -> None:
    full = threading.Event()
    full.set()

    def no_room(_entries: Sequence[Entry]) -> None:
        if full.is_set():
            raise StorageError("disk full")

    bench.events.before_write = no_room
    run_id = bench.start()
    wait_until(lambda: len(bench.account.calls) == 10, what="the last request")
    assert bench.system.wait_for(run_id, timeout=0.1) is None, "an end that is not on disk is none"
    full.clear()
    assert bench.wait(run_id).status is RunStatus.SUCCESS
    assert bench.events.names().count("product_synced") == 7


def test_an_event_that_cannot_be_written_at_all_is_left_out_and_the_rest_goes_on(
    bench: Bench,
) -> None:
    def refuse_starts(entries: Sequence[Entry]) -> None:
        if any(getattr(entry, "event", None) is EventName.PHASE_STARTED for entry in entries):
            raise TypeError("not serialisable")

    bench.events.before_write = refuse_starts
    assert bench.run().status is RunStatus.SUCCESS
    assert "phase_started" not in bench.events.names()
    assert bench.events.names()[-1] == "run_finished"


def test_a_crashed_scheduler_goes_on_where_it_was(bench: Bench) -> None:
    bench.interval = 100.0
    bench.system.pause()
    first = bench.system.wiring.scheduler.ref
    crash(bench.system.wiring.scheduler, RuntimeError("bug"))
    wait_until(lambda: bench.system.wiring.scheduler.ref is not first, what="the replacement")
    assert bench.system.schedule().paused, "a pause survives the Scheduler's crash"


def test_an_actor_that_was_stopped_from_outside_is_replaced(bench: Bench) -> None:
    first = bench.system.wiring.mirror.ref
    assert first is not None
    first.stop(block=True, timeout=2)
    wait_until(lambda: bench.system.wiring.mirror.ref is not first, what="the replacement")
    assert bench.run().status is RunStatus.SUCCESS


def test_too_many_restarts_end_the_daemon_with_the_reason_written_down(bench: Bench) -> None:
    wiring = bench.system.wiring
    seen = {wiring.mirror.ref}
    for _ in range(3):
        crash(wiring.mirror, RuntimeError("again"))
        wait_until(lambda: wiring.mirror.ref not in seen, what="a replacement")
        seen.add(wiring.mirror.ref)
    assert not bench.system.gave_up.is_set()
    crash(wiring.mirror, RuntimeError("once too often"))
    assert bench.system.gave_up.wait(5)
    assert "once too often" in bench.system.gave_up_because
    wait_until(
        lambda: bool(bench.events.of(EventName.DAEMON_GAVE_UP)), what="the event with the reason"
    )


def test_a_crash_of_the_supervisor_is_given_up_on_at_once(bench: Bench) -> None:
    crash(bench.system.wiring.supervisor, SystemExit(1))
    assert bench.system.gave_up.wait(5)
    for address in (
        *bench.system.wiring.crew,
        bench.system.wiring.mirror,
        bench.system.wiring.logger,
    ):
        assert address.ref is not None
        address.ref.stop(block=False)


class Inbox:
    """Takes the place of an actor's ref, to see what it is told."""

    actor_urn = "urn:test"

    def __init__(self) -> None:
        self.told: queue.Queue[object] = queue.Queue()

    def tell(self, message: object) -> None:
        self.told.put(message)


def test_a_page_of_a_run_that_is_over_is_refused(bench: Bench) -> None:
    inbox, request = Inbox(), RunRequest(trigger=Trigger.API)
    ticket = RunTicket(run_id=7, request=request, started_at=START, started=0.0)
    ticket.requests.cancellation.cancel()
    page = Page(product_id=1, kind=Kind.FEATURES, records=(feature(5, 1),))
    order = StorePage(ticket=ticket, attempt=3, page=page, reply_to=cast(Any, inbox))
    bench.system.wiring.mirror.tell(order)
    answer = inbox.told.get(timeout=5)
    assert isinstance(answer, PageRefused)
    assert (answer.attempt, answer.problem.kind) == (3, ErrorKind.CANCELLED)
    assert bench.mirror.pages == []


def test_what_comes_late_from_an_ended_run_changes_nothing(held: tuple[Bench, Hold, int]) -> None:
    bench, hold, run_id = held
    late = ProductFailed(
        run_id=run_id - 1,
        attempt=1,
        phase=SyncPhase.FEATURES,
        product_id=1,
        problem=Problem(kind=ErrorKind.TIMEOUT, message="long ago"),
        duration_seconds=1.0,
    )
    bench.system.wiring.coordinator.tell(late)
    bench.system.wiring.coordinator.tell(RunRecorded(run_id=run_id - 1))
    bench.system.wiring.phases[SyncPhase.FEATURES].tell(late)
    hold.let_go.set()
    assert bench.wait(run_id).status is RunStatus.SUCCESS


def test_a_worker_has_at_most_one_page_that_is_not_acknowledged(bench: Bench) -> None:
    """Backpressure: while the writer stands still, one page more is read, and no third one."""
    bench.workers, bench.account.tests_each = 1, 300
    gate, second, third = threading.Event(), threading.Event(), threading.Event()

    def note_the_call(_scope: RequestScope) -> None:
        calls = bench.account.calls.count((SyncPhase.NEW_TESTS, 1))
        second.set() if calls == 2 else None
        third.set() if calls == 3 else None

    def stand_still(page: Page) -> None:
        if page.kind is Kind.TESTS:
            gate.wait(10)

    bench.account.misbehave[SyncPhase.NEW_TESTS, 1] = note_the_call
    bench.mirror.before_store = stand_still
    run_id = bench.start()
    assert second.wait(5), "the next page is read meanwhile"
    assert not third.wait(0.3), "a third page was asked for while none was stored"
    gate.set()
    assert bench.wait(run_id, timeout=10).tests_discovered == 900


def test_the_end_of_a_run_is_written_once(bench: Bench) -> None:
    bench.run()
    closed = [entry for entry in bench.events.entries if isinstance(entry, RunClosed)]
    assert len(closed) == 1
