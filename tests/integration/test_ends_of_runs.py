"""The end of a run is written once, told as it is written, and the run's last word."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from rules.model import (
    RunRequest,
    RunStatus,
    SyncPhase,
    SyncResult,
    SyncScope,
    Trigger,
)
from rules.run.events import Entry, EventName, RunClosed, RunOpened
from rules.run.restarts import LIMITS
from storage.engine.errors import StorageError
from tests.conftest import Bench, wait_until
from tests.fakes import START
from tests.integration.test_runs import Hold

NONSENSE = object()
"""A message that every actor fails on."""

REQUEST = RunRequest(trigger=Trigger.API)


class WritesBadly:
    """A disk that takes nothing until `wanted` entries wait; then no batch; then fails once."""

    def __init__(self, bench: Bench, wanted: int) -> None:
        self._bench = bench
        self._wanted = wanted
        self._singly = 0

    def __call__(self, entries: Sequence[Entry]) -> None:
        if len(self._bench.system.event_queue) < self._wanted and not self._singly:
            raise StorageError("the disk is full")
        if len(entries) > 1 and not self._singly:
            self._singly = 1
            raise ValueError("one of these cannot be written")
        if len(entries) == 1 and self._singly < 4:
            self._singly += 1
            if self._singly == 4:
                raise StorageError("the disk is full again")


def test_a_disk_that_fails_among_single_entries_has_none_of_them_written_twice(
    bench: Bench,
) -> None:
    assert bench.system.event_queue.written == 0
    bench.events.before_write = WritesBadly(bench, wanted=5)
    assert bench.run().status is RunStatus.SUCCESS
    written = [id(entry) for entry in bench.events.entries]
    assert len(written) == len(set(written)), bench.events.names()
    wait_until(lambda: not len(bench.system.event_queue), what="everything is on disk")
    assert bench.events.names().count("run_started") == 1
    assert bench.system.status().current is None


def closed(run_id: int, status: RunStatus) -> RunClosed:
    result = SyncResult(run_id=run_id, status=status, trigger_source=Trigger.API)
    return RunClosed(at=START, request=REQUEST, result=result)


def test_of_two_ends_that_are_written_together_the_one_on_disk_is_told(bench: Bench) -> None:
    told: list[RunClosed] = []
    bench.system.wiring.results.watchers.append(told.append)
    both = [closed(7, RunStatus.SUCCESS), closed(7, RunStatus.FAILED)]

    def wait_for_both(_entries: Sequence[Entry]) -> None:
        if len(bench.system.event_queue) < 2:
            raise StorageError("the disk is full")

    bench.events.before_write = wait_for_both
    for end in both:
        bench.system.event_queue.record(end)
    assert bench.wait(7).status is RunStatus.SUCCESS
    wait_until(lambda: not len(bench.system.event_queue), what="both are done with")
    assert told == both[:1]


def test_a_run_that_somebody_else_has_ended_on_disk_does_not_hold_up_the_next(
    bench: Bench,
) -> None:
    bench.events.entries.append(closed(1, RunStatus.INTERRUPTED))
    assert bench.run().status is RunStatus.SUCCESS
    assert bench.system.status().current is None
    assert bench.wait(bench.start()).run_id == 2


def test_an_end_that_cannot_be_written_at_all_does_not_hold_up_the_next(bench: Bench) -> None:
    def refuse_ends(entries: Sequence[Entry]) -> None:
        if any(isinstance(entry, RunClosed) for entry in entries):
            raise ValueError("there is no such table")

    bench.events.before_write = refuse_ends
    assert bench.run().status is RunStatus.SUCCESS
    bench.events.before_write = lambda _entries: None
    assert bench.wait(bench.start()).run_id == 2


@pytest.fixture
def held(bench: Bench) -> tuple[Bench, Hold, int]:
    """A run in its second phase, with one product's request under way."""
    hold = Hold()
    bench.account.misbehave[(SyncPhase.FEATURES, 1)] = hold
    run_id = bench.start()
    assert hold.reached.wait(5)
    return bench, hold, run_id


def test_a_request_that_was_merged_is_told_of_when_the_run_that_waits_has_to_be_failed(
    held: tuple[Bench, Hold, int],
) -> None:
    bench, _, _ = held

    def ask(phase: SyncPhase, product_id: int) -> int:
        scope = SyncScope(product_ids=frozenset({product_id}))
        return bench.start(RunRequest(trigger=Trigger.API, phases=(phase,), scope=scope))

    queued = ask(SyncPhase.PRODUCTS, 1)
    assert ask(SyncPhase.FEATURES, 2) == queued
    bench.system.wiring.coordinator.tell(NONSENSE)
    assert bench.wait(queued).status is RunStatus.FAILED
    [end] = [
        e for e in bench.events.entries if isinstance(e, RunClosed) and e.result.run_id == queued
    ]
    assert end.request.phases == (SyncPhase.PRODUCTS, SyncPhase.FEATURES)
    assert end.request.scope == SyncScope(product_ids=frozenset({1, 2}))


def test_a_daemon_that_gives_up_begins_nothing_more_and_stops_at_once(
    held: tuple[Bench, Hold, int],
) -> None:
    bench, _, run_id = held
    queued = bench.start()
    mirror = bench.system.wiring.mirror
    for _ in range(LIMITS[0].restarts + 1):
        old = mirror.ref
        mirror.tell(NONSENSE)
        wait_until(
            lambda old=old: mirror.ref is not old or bench.system.gave_up.is_set(),  # type: ignore[misc]
            what="a new mirror",
        )
    assert bench.system.gave_up.wait(5)
    assert bench.wait(run_id).status is RunStatus.FAILED
    assert bench.wait(queued).status is RunStatus.FAILED
    began = time.monotonic()
    assert bench.system.stop(seconds=7.0).unwritten == 0
    assert time.monotonic() - began < 2.0, "nobody is waited for who was dismissed"
    entries = bench.events.entries
    opened = [entry.run_id for entry in entries if isinstance(entry, RunOpened)]
    assert opened == [run_id], "the run that waited has ended and does not begin"
    ends = [n for n, e in enumerate(entries) if isinstance(e, RunClosed)]
    late = [e for e in entries[min(ends) :] if getattr(e, "run_id", None) is not None]
    assert not late, f"said of a run that had ended: {late}"
    [gave_up] = bench.events.of(EventName.DAEMON_GAVE_UP)
    assert gave_up.problem is not None
    assert gave_up.problem.message == bench.system.gave_up_because
