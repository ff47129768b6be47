"""The vocabulary of a sync, where it says or adds up something."""

from __future__ import annotations

import pytest

from rules.model import (
    Counts,
    ErrorKind,
    Kind,
    Problem,
    SyncOptions,
    SyncPhase,
    SyncScope,
    in_order,
)

ALL = Counts(new=1, changed=2, unchanged=4, revived=8, gone=16, quarantined=32)


def test_each_phase_mirrors_a_kind_of_rows() -> None:
    assert [phase.kind for phase in SyncPhase] == [Kind.PRODUCTS, Kind.FEATURES, Kind.TESTS]


def test_phases_run_in_their_order_and_once() -> None:
    asked = (SyncPhase.NEW_TESTS, SyncPhase.PRODUCTS, SyncPhase.NEW_TESTS)
    assert in_order(asked) == (SyncPhase.PRODUCTS, SyncPhase.NEW_TESTS)


def test_counts_add_up_each_for_itself() -> None:
    assert ALL + Counts(new=10, changed=10, unchanged=10, revived=10, gone=10, quarantined=10) == (
        Counts(new=11, changed=12, unchanged=14, revived=18, gone=26, quarantined=42)
    )


def test_seen_is_what_the_remote_listed_and_nothing_else() -> None:
    assert ALL.seen == 15


@pytest.mark.parametrize(
    ("product_id", "phase", "said"),
    [
        (None, None, "late"),
        (18, None, "product 18: late"),
        (None, SyncPhase.FEATURES, "features: late"),
        (18, SyncPhase.FEATURES, "product 18, features: late"),
    ],
)
def test_a_problem_says_where_it_is(
    product_id: int | None, phase: SyncPhase | None, said: str
) -> None:
    problem = Problem(kind=ErrorKind.TIMEOUT, message="late", phase=phase, product_id=product_id)
    assert str(problem) == said


EVERYTHING, SOME, MORE = (
    SyncScope(),
    SyncScope(product_ids=frozenset({1})),
    SyncScope(product_ids=frozenset({1, 2})),
)


def test_a_scope_covers_what_it_holds() -> None:
    assert EVERYTHING.covers(SOME)
    assert EVERYTHING.covers(EVERYTHING)
    assert MORE.covers(SOME)
    assert SOME.covers(SOME)
    assert not SOME.covers(MORE)
    assert not SOME.covers(EVERYTHING)


def test_two_scopes_together_cover_both() -> None:
    other = SyncScope(product_ids=frozenset({7}))
    assert SOME.union(other) == SyncScope(product_ids=frozenset({1, 7}))
    assert SOME.union(EVERYTHING) == EVERYTHING == EVERYTHING.union(SOME)


def test_a_fresh_start_and_a_forced_run_wait_alone() -> None:
    alone = [SyncOptions(force=True), SyncOptions(nuke=True), SyncOptions(refresh_mutable=True)]
    assert [options.is_alone for options in alone] == [True, True, False]
