"""Rows of another product are never this one's, and an id in two lists is told (rule 10)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rules.model import ErrorKind, RunStatus, SyncOptions
from tests.rig import Rig

MakeRig = Callable[..., Rig]

CLAIMS = "SELECT product_id, complete_as_of IS NOT NULL FROM freshness WHERE kind = ?"


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    made = make_rig(products=2, features=5, tests=70, section_products=0)
    made.workers = 1  # the lists come in the order of the products
    return made


def claims(rig: Rig, kind: str) -> dict[int, bool]:
    return {product: bool(claimed) for product, claimed in rig.sql(CLAIMS, kind)}


@pytest.mark.parametrize("path", ["*/exploratory_tests"])
def test_the_list_of_another_product_is_refused_whole(rig: Rig, path: str) -> None:
    mine, others = rig.products()
    rig.simulator.add_fault(kind="another_list", other_id=others, product_id=mine, path=path)
    result = rig.sync()
    assert result.status is RunStatus.PARTIAL
    [problem] = result.errors
    assert (problem.kind, problem.product_id) == (ErrorKind.BAD_PAYLOAD, mine)
    assert f"the test belongs to product {others}" in problem.message
    assert rig.sql("SELECT DISTINCT product_id FROM tests") == [(others,)]
    assert claims(rig, "tests") == {mine: False, others: True}
    rig.simulator.clear_faults()
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.differences() == []


def test_one_row_of_another_product_is_set_aside_and_keeps_completeness_away(rig: Rig) -> None:
    mine, others = rig.products()
    stray = rig.tests(others)[5]
    rig.simulator.add_fault(kind="stray", test_id=stray, product_id=mine)
    for options in (None, SyncOptions(force=True)):
        result = rig.sync(options)
        assert result.status is RunStatus.PARTIAL
        assert rig.sql("SELECT product_id FROM tests WHERE id = ?", stray) == [(others,)]
        assert claims(rig, "tests") == {mine: False, others: True}
    [(reason,)] = rig.sql("SELECT reason FROM quarantine WHERE resolved_at IS NULL")
    assert reason == f"the test belongs to product {others}, asked for were those of {mine}"
    rig.simulator.clear_faults()
    assert rig.sync(SyncOptions(force=True)).status is RunStatus.SUCCESS
    assert rig.differences() == []


@pytest.mark.parametrize("options", [None, SyncOptions(force=True)], ids=["usual", "force"])
def test_a_test_that_two_products_list_in_one_run_is_told(
    rig: Rig, options: SyncOptions | None
) -> None:
    """Its rows do not say whose it is."""
    first, second = rig.products()
    stray = rig.tests(first)[5]
    rig.simulator.add_fault(kind="no_product")
    rig.simulator.add_fault(kind="stray", test_id=stray, product_id=second)
    result = rig.sync(options)
    assert result.status is RunStatus.PARTIAL
    assert claims(rig, "tests") == {first: True, second: False}
    assert rig.sql("SELECT product_id, record_id, reason FROM quarantine") == [
        (second, stray, f"product {first} lists it as well")
    ]
    assert rig.sql("SELECT count(*) FROM tests") == [(140,)]
    rig.simulator.clear_faults()
    assert rig.sync().status is RunStatus.SUCCESS


def test_a_feature_that_two_products_list_in_one_run_is_told(rig: Rig) -> None:
    first, second = rig.products()
    stray = rig.simulator.account()["features"][str(first)][2]["id"]
    rig.simulator.add_fault(kind="stray_feature", feature_id=stray, product_id=second)
    for _ in range(2):
        assert rig.sync().status is RunStatus.PARTIAL
        assert claims(rig, "features") == {first: True, second: False}
    assert rig.sql("SELECT product_id FROM features WHERE id = ?", stray) == [(first,)]
    rig.simulator.clear_faults()
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.differences() == []


def test_the_feature_list_of_another_product_is_told(rig: Rig) -> None:
    first, second = rig.products()
    rig.simulator.add_fault(
        kind="another_list", other_id=first, product_id=second, path="*/features"
    )
    assert rig.sync().status is RunStatus.PARTIAL
    assert claims(rig, "features") == {first: True, second: False}
    assert rig.sql("SELECT DISTINCT product_id FROM features") == [(first,)]


def test_features_of_another_product_take_nothing_over_whenever_they_come(rig: Rig) -> None:
    """In a run of one product alone its list was seen nowhere else in that run."""
    first, second = rig.products()
    rig.sync()
    before = rig.sql("SELECT id, product_id, deleted_at FROM features ORDER BY id")
    rig.simulator.add_fault(
        kind="another_list", other_id=second, product_id=first, path="*/features"
    )
    for _ in range(2):
        result = rig.sync(SyncOptions(force=True), products=frozenset({first}))
        assert result.status is RunStatus.PARTIAL
        assert rig.sql("SELECT id, product_id, deleted_at FROM features ORDER BY id") == before
    rig.simulator.clear_faults()
    assert rig.sync(SyncOptions(force=True)).status is RunStatus.SUCCESS
    assert rig.differences() == []


def test_a_row_that_moves_to_another_product_between_two_runs_moves(rig: Rig) -> None:
    first, second = rig.products()
    rig.sync()
    moved = rig.simulator.account()["features"][str(first)][2]["id"]
    rig.simulator.mutate("delete", "feature", product_id=first, id=moved)
    rig.simulator.mutate("add", "feature", product_id=second, id=moved, fields={})
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.sql("SELECT product_id FROM features WHERE id = ?", moved) == [(second,)]


@pytest.mark.parametrize("path", ["/products", "*/features"])
def test_an_id_that_stands_in_a_list_twice_is_told(rig: Rig, path: str) -> None:
    rig.simulator.add_fault(kind="repeat_rows", path=path)
    result = rig.sync()
    assert result.status is RunStatus.PARTIAL
    kind = path.removeprefix("*").removeprefix("/")
    assert not any(claims(rig, kind).values())
    reasons = rig.sql("SELECT DISTINCT reason FROM quarantine")
    assert all("stands in the list twice" in reason for (reason,) in reasons), reasons
    rig.simulator.clear_faults()
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.differences() == []


def test_an_answer_that_comes_twice_is_nobody_elses(rig: Rig) -> None:
    """A connection that is kept would hand it to the next request."""
    rig.simulator.add_fault(kind="sent_twice")
    rig.sync()
    rig.simulator.clear_faults()
    owners = rig.sql("SELECT id, product_id FROM tests UNION SELECT id, product_id FROM features")
    truth = rig.simulator.account()
    wrong = [
        (row, product)
        for row, product in owners
        if not any(
            row == each["id"] for k in ("tests", "features") for each in truth[k][str(product)]
        )
    ]
    assert wrong == []
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.differences() == []
