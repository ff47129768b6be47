"""One run at a time (rule 2): a request joins only what will still be done, and as asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.model import ALL_PHASES, RunRequest, SyncOptions, SyncPhase, SyncScope, Trigger
from rules.run.admission import Admission, RunningRun, admit, can_join, is_same_work, merge

PRODUCTS, FEATURES, NEW_TESTS = ALL_PHASES
EVERY_PRODUCT = frozenset(range(1, 7))
SINCE = SyncOptions(mirror_since=datetime(2026, 1, 1, tzinfo=UTC))

FORCE = SyncOptions(force=True)
NUKE = SyncOptions(nuke=True)

some_phases = st.sets(st.sampled_from(SyncPhase), min_size=1).map(tuple)
some_scopes = st.none() | st.frozensets(st.integers(1, 6), min_size=1)
some_requests = st.builds(
    RunRequest,
    trigger=st.sampled_from(Trigger),
    phases=some_phases,
    scope=st.builds(SyncScope, product_ids=some_scopes),
    options=st.sampled_from([SyncOptions(), SINCE, FORCE, NUKE]),
)


@st.composite
def running_runs(draw: st.DrawFn) -> RunningRun:
    """A run at work: the phases begun are the first ones of those it was asked for."""
    request = draw(some_requests)
    ordered = [phase for phase in SyncPhase if phase in request.phases]
    begun = draw(st.integers(0, len(ordered)))
    return RunningRun(request=request, phases_begun=frozenset(ordered[:begun]))


def asked(*phases: SyncPhase, products: set[int] | None = None) -> RunRequest:
    scope = SyncScope(product_ids=None if products is None else frozenset(products))
    return RunRequest(trigger=Trigger.CLI, phases=phases or ALL_PHASES, scope=scope)


def work(request: RunRequest) -> set[tuple[SyncPhase, int]]:
    """Every product times phase of a request; -1 stands for the products not known yet."""
    ids = request.scope.product_ids
    products = EVERY_PRODUCT | {-1} if ids is None else ids
    return {(phase, product) for phase in request.phases for product in products}


def test_a_request_while_nothing_runs_starts() -> None:
    assert admit(asked(), running=None, queued=None) is Admission.STARTED


@pytest.mark.parametrize(
    ("request_", "running", "begun", "joins"),
    [
        (asked(), asked(), {}, True),
        (asked(), asked(), {PRODUCTS}, False),
        (asked(NEW_TESTS), asked(), {PRODUCTS, FEATURES}, True),
        (asked(NEW_TESTS), asked(), {PRODUCTS, FEATURES, NEW_TESTS}, False),
        (asked(FEATURES, NEW_TESTS), asked(), {PRODUCTS, FEATURES}, False),
        (asked(FEATURES), asked(NEW_TESTS), {}, False),
        (asked(FEATURES, products={1}), asked(), {}, True),
        (asked(FEATURES, products={1}), asked(products={1, 2}), {}, True),
        (asked(FEATURES, products={1, 3}), asked(products={1, 2}), {}, False),
        (asked(), asked(products={1, 2}), {}, False),
    ],
)
def test_a_request_joins_only_what_is_still_ahead(
    request_: RunRequest, running: RunRequest, begun: set[SyncPhase], joins: bool
) -> None:
    current = RunningRun(request=running, phases_begun=frozenset(begun))
    assert can_join(request_, current) is joins
    expected = Admission.JOINED if joins else Admission.QUEUED
    assert admit(request_, running=current, queued=None) is expected


def test_a_request_with_other_options_never_joins() -> None:
    plain, since = asked(), RunRequest(trigger=Trigger.CLI, options=SINCE)
    current = RunningRun(request=plain, phases_begun=frozenset())
    assert admit(since, running=current, queued=None) is Admission.QUEUED
    assert admit(since, running=current, queued=asked(FEATURES)) is Admission.BUSY
    assert admit(since, running=current, queued=since) is Admission.QUEUED


@pytest.mark.parametrize("options", [FORCE, NUKE], ids=["force", "nuke"])
def test_force_and_nuke_wait_alone(options: SyncOptions) -> None:
    current = RunningRun(request=asked(), phases_begun=frozenset(ALL_PHASES))
    alone = replace(asked(FEATURES), options=options)
    other = replace(asked(NEW_TESTS), options=options)
    assert admit(alone, running=current, queued=None) is Admission.QUEUED
    assert admit(alone, running=current, queued=asked()) is Admission.BUSY
    assert admit(asked(), running=current, queued=alone) is Admission.BUSY
    assert admit(other, running=current, queued=alone) is Admission.BUSY
    again = replace(alone, trigger=Trigger.API)
    assert admit(again, running=current, queued=alone) is Admission.QUEUED, "asked again"
    assert merge(alone, again) == alone


@given(request=some_requests, running=running_runs())
def test_joining_needs_equal_options_and_every_bit_of_the_work_still_ahead(
    request: RunRequest, running: RunningRun
) -> None:
    still_ahead = {w for w in work(running.request) if w[0] not in running.phases_begun}
    expected = request.options == running.request.options and work(request) <= still_ahead
    assert can_join(request, running) is expected, f"{request}\nwhile {running}"


@given(request=some_requests, running=running_runs(), queued=st.none() | some_requests)
def test_while_a_run_is_at_work_nothing_else_starts(
    request: RunRequest, running: RunningRun, queued: RunRequest | None
) -> None:
    word = admit(request, running=running, queued=queued)
    if can_join(request, running):
        assert word is Admission.JOINED
    elif queued is None or is_same_work(queued, request):
        assert word is Admission.QUEUED
    elif FORCE in (queued.options, request.options) or NUKE in (queued.options, request.options):
        assert word is Admission.BUSY, "force and nuke wait alone"
    elif queued.options == request.options:
        assert word is Admission.QUEUED
    else:
        assert word is Admission.BUSY, "two different runs would wait"


@given(first=some_requests, second=some_requests)
def test_merging_does_all_that_both_asked_for(first: RunRequest, second: RunRequest) -> None:
    merged = merge(first, second)
    missed = (work(first) | work(second)) - work(merged)
    assert not missed, f"{merged} lacks {missed}"
    assert merged.trigger is first.trigger
    assert merged.options == first.options
    assert set(merged.phases) == {*first.phases, *second.phases}, "a phase nobody asked for"
    assert list(merged.phases) == [p for p in SyncPhase if p in merged.phases], "out of order"
    if first.scope.product_ids is not None and second.scope.product_ids is not None:
        assert merged.scope.product_ids == first.scope.product_ids | second.scope.product_ids


@given(first=some_requests, second=some_requests, third=some_requests)
def test_merging_again_changes_nothing_and_the_order_does_not_matter(
    first: RunRequest, second: RunRequest, third: RunRequest
) -> None:
    merged = merge(first, second)
    assert merge(merged, second) == merged
    assert work(merged) == work(merge(second, first))
    assert work(merge(merged, third)) == work(merge(first, merge(second, third)))


@given(request=some_requests, queued=some_requests)
def test_what_was_queued_can_be_joined_once_it_runs(
    request: RunRequest, queued: RunRequest
) -> None:
    """A client that asks again after its run began to wait gets that run, not another one."""
    merged = merge(queued, request)
    about_to_begin = RunningRun(request=merged, phases_begun=frozenset())
    assert can_join(queued, about_to_begin)
    assert can_join(request, about_to_begin) is (request.options == queued.options)
