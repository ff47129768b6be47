"""What a run came to (rule 11): success only if all is complete, failed only if nothing is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.model import (
    ALL_PHASES,
    PRODUCT_LIST,
    Counts,
    ErrorKind,
    Kind,
    Outcome,
    Problem,
    RunStatus,
    SyncPhase,
    SyncResult,
    Trigger,
    in_order,
)
from rules.run.outcome import NO_PRODUCTS, RunTally, phase_outcome, run_status

PRODUCTS, FEATURES, NEW_TESTS = ALL_PHASES
COMPLETE, PARTIAL, FAILED, SKIPPED = Outcome

Outcomes = dict[SyncPhase, dict[int, Outcome]]

some_outcomes = st.sampled_from(Outcome)
per_product = st.dictionaries(st.integers(1, 6), some_outcomes, max_size=6)
some_counts = st.builds(
    Counts, new=st.integers(0, 9), changed=st.integers(0, 9), unchanged=st.integers(0, 9)
)


@st.composite
def runs(draw: st.DrawFn) -> Outcomes:
    """The outcomes of the phases of one run, as a run leaves them."""
    phases = in_order(tuple(draw(st.sets(st.sampled_from(SyncPhase), min_size=1))))
    return {
        phase: {PRODUCT_LIST: draw(some_outcomes)} if phase is PRODUCTS else draw(per_product)
        for phase in phases
    }


def result_of(
    outcomes: Outcomes,
    *,
    phases: tuple[SyncPhase, ...] | None = None,
    counts: Counts | None = None,
    cancelled: bool = False,
) -> SyncResult:
    """What a tally makes of these outcomes; `counts` is what was written of products."""
    tally = RunTally()
    for phase, by_product in outcomes.items():
        tally.begin(phase)
        for product_id, outcome in by_product.items():
            tally.note(phase, product_id, outcome)
    return tally.result(
        run_id=7,
        trigger=Trigger.CLI,
        phases=phases or tuple(outcomes),
        counts={} if counts is None else {Kind.PRODUCTS: counts},
        cancelled=cancelled,
        duration_seconds=1.5,
    )


@pytest.mark.parametrize(
    ("flat", "expected"),
    [
        ([], RunStatus.SUCCESS),
        ([COMPLETE], RunStatus.SUCCESS),
        ([COMPLETE, COMPLETE], RunStatus.SUCCESS),
        ([COMPLETE, SKIPPED], RunStatus.PARTIAL),
        ([COMPLETE, FAILED], RunStatus.PARTIAL),
        ([COMPLETE, PARTIAL], RunStatus.PARTIAL),
        ([PARTIAL], RunStatus.PARTIAL),
        ([PARTIAL, FAILED], RunStatus.PARTIAL),
        ([FAILED], RunStatus.FAILED),
        ([FAILED, SKIPPED], RunStatus.FAILED),
        ([SKIPPED], RunStatus.FAILED),
    ],
)
def test_the_status_of_a_run(flat: list[Outcome], expected: RunStatus) -> None:
    outcomes = {FEATURES: dict(enumerate(flat, start=1))}
    assert run_status(outcomes, cancelled=False) is expected
    assert run_status(outcomes, cancelled=True) is RunStatus.CANCELLED


@given(outcomes=runs(), cancelled=st.booleans())
def test_success_needs_everything_complete_and_failure_that_nothing_was_done(
    outcomes: Outcomes, cancelled: bool
) -> None:
    flat = [outcome for by_product in outcomes.values() for outcome in by_product.values()]
    done = [outcome for outcome in flat if outcome in (COMPLETE, PARTIAL)]
    status = result_of(outcomes, cancelled=cancelled).status
    assert (status is RunStatus.CANCELLED) is cancelled
    if not cancelled:
        assert (status is RunStatus.SUCCESS) is (flat.count(COMPLETE) == len(flat)), outcomes
        assert (status is RunStatus.FAILED) is (bool(flat) and not done), outcomes
        assert status in (RunStatus.SUCCESS, RunStatus.PARTIAL, RunStatus.FAILED)


@given(outcomes=st.lists(some_outcomes, max_size=8))
def test_the_outcome_of_a_phase(outcomes: list[Outcome]) -> None:
    got = phase_outcome(iter(outcomes))
    if outcomes.count(COMPLETE) == len(outcomes):
        assert got is COMPLETE
    elif COMPLETE in outcomes or PARTIAL in outcomes:
        assert got is PARTIAL, f"{outcomes}: something was done, and not everything"
    else:
        assert got is (FAILED if FAILED in outcomes else SKIPPED)


@given(outcomes=runs())
def test_a_product_is_synced_only_if_complete_in_every_phase_that_goes_through_products(
    outcomes: Outcomes,
) -> None:
    by_product = [found for phase, found in outcomes.items() if phase is not PRODUCTS]
    if not by_product:
        return
    products = {product for found in by_product for product in found}
    synced = [p for p in products if all(found.get(p) is COMPLETE for found in by_product)]
    failed = [p for p in products if any(found.get(p) in (FAILED, PARTIAL) for found in by_product)]
    result = result_of(outcomes)
    assert result.products_synced == len(synced), f"{sorted(synced)} of {outcomes}"
    assert result.products_failed == len(failed), f"{sorted(failed)} of {outcomes}"


@given(outcomes=runs(), cancelled=st.booleans())
def test_the_phases_completed_are_those_in_which_everything_is_complete(
    outcomes: Outcomes, cancelled: bool
) -> None:
    expected = [p for p, found in outcomes.items() if set(found.values()) <= {COMPLETE}]
    completed = result_of(outcomes, cancelled=cancelled).phases_completed
    assert list(completed) == expected, outcomes


def test_a_phase_that_never_began_is_not_complete_and_no_product_is_synced() -> None:
    result = result_of({PRODUCTS: {0: COMPLETE}, FEATURES: {1: FAILED}}, phases=ALL_PHASES)
    assert result.phases_completed == (PRODUCTS,)
    cut = result_of({PRODUCTS: {0: COMPLETE}, FEATURES: {1: COMPLETE}}, phases=ALL_PHASES)
    assert cut.products_synced == 0, "its tests were never looked at"


def test_the_failure_of_a_phase_as_a_whole_is_not_counted_as_a_product() -> None:
    result = result_of({FEATURES: {PRODUCT_LIST: FAILED, 1: COMPLETE, 2: FAILED}})
    assert (result.status, result.products_failed) == (RunStatus.PARTIAL, 1)
    assert result.phases_completed == ()


def test_an_account_without_products_is_a_success() -> None:
    result = result_of({PRODUCTS: {PRODUCT_LIST: COMPLETE}, FEATURES: {}, NEW_TESTS: {}})
    assert result.status is RunStatus.SUCCESS
    assert result.phases_completed == ALL_PHASES
    assert (result.products_synced, result.products_failed) == (0, 0)
    assert result.warnings == (NO_PRODUCTS,), "and says why nothing was done"
    assert NO_PRODUCTS == "there was no product to sync: the account's list of products is empty"


def test_only_a_success_without_products_says_that_there_were_none() -> None:
    assert result_of({FEATURES: {1: COMPLETE}}).warnings == ()
    assert result_of({FEATURES: {1: FAILED}}).warnings == ()
    assert result_of({FEATURES: {}}, cancelled=True).warnings == ()


def test_a_run_of_the_product_list_alone_counts_the_products_it_holds() -> None:
    result = result_of(
        {PRODUCTS: {PRODUCT_LIST: COMPLETE}}, counts=Counts(new=3, changed=2, unchanged=4)
    )
    assert result.products_synced == 9


@given(counts=st.dictionaries(st.sampled_from(Kind), some_counts))
def test_the_numbers_are_those_that_were_written(counts: dict[Kind, Counts]) -> None:
    result = RunTally().result(
        run_id=1,
        trigger=Trigger.API,
        phases=ALL_PHASES,
        counts=counts,
        cancelled=False,
        duration_seconds=0.25,
    )
    features = counts.get(Kind.FEATURES, Counts())
    tests = counts.get(Kind.TESTS, Counts())
    assert result.features_refreshed == features.new + features.changed + features.unchanged
    assert (result.tests_discovered, result.tests_updated) == (tests.new, tests.changed)
    assert result.counts == counts


def test_problems_are_reported_in_the_order_in_which_they_came() -> None:
    tally = RunTally()
    problems = [Problem(kind=kind, message=kind.value) for kind in list(ErrorKind)[:3]]
    for product_id, problem in enumerate(problems, start=1):
        tally.note(FEATURES, product_id, FAILED, problem=problem)
    tally.note(FEATURES, 9, SKIPPED)
    result = tally.result(
        run_id=3,
        trigger=Trigger.STARTUP,
        phases=(FEATURES,),
        counts={},
        cancelled=False,
        duration_seconds=2.0,
    )
    assert list(result.errors) == problems
    assert (result.run_id, result.trigger_source, result.duration_seconds) == (
        3,
        Trigger.STARTUP,
        2.0,
    )


def test_warnings_are_handed_on() -> None:
    tally = RunTally(warnings=["one"])
    tally.note(NEW_TESTS, 18, Outcome.COMPLETE)
    result = tally.result(
        run_id=1,
        trigger=Trigger.CLI,
        phases=(NEW_TESTS,),
        counts={},
        cancelled=False,
        duration_seconds=0.0,
    )
    assert result.warnings == ("one",)


def test_a_run_of_no_phase_synced_nothing() -> None:
    assert result_of({}, phases=()).products_synced == 0
