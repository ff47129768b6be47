"""Records that cannot be shown or used: everything around them is mirrored (rules 9, 10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from rules.model import (
    ErrorKind,
    RunStatus,
    SyncOptions,
)
from tests.rig import Rig

FORCE = SyncOptions(force=True)


COMPLETE = "SELECT complete_as_of FROM freshness WHERE kind = 'tests'"


def test_one_poisonous_record_among_500(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=3, features=1, tests=500)
    sick, *others = rig.products()
    tests = rig.tests(sick)
    bad = tests[212]
    fault = rig.simulator.add_fault(kind="poison", test_id=bad)
    result = rig.sync()
    assert result.status is RunStatus.PARTIAL
    assert [(p.product_id, p.kind) for p in result.errors] == [(sick, ErrorKind.HOLES)]
    assert rig.sql("SELECT count(*) FROM tests WHERE product_id = ?", sick) == [(499,)]
    assert rig.sql("SELECT position, before_id, after_id FROM quarantine") == [
        (213, tests[211], tests[213])
    ]
    complete = rig.sql(
        "SELECT product_id FROM freshness WHERE kind = 'tests' AND complete_as_of IS NOT NULL"
    )
    assert sorted(complete) == sorted((product,) for product in others)
    for _ in range(2):
        assert rig.sync().status is RunStatus.PARTIAL
        assert rig.requests(f"/products/{sick}/exploratory_tests") <= 2 + 3
    rig.simulator.remove_fault(fault)
    assert rig.sync().status is RunStatus.SUCCESS, "healed by itself"
    assert rig.sql("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL") == [(0,)]
    assert rig.differences() == []


@pytest.mark.parametrize("place", [0, 1, 29, 59])
def test_poison_anywhere_heals(make_rig: Callable[..., Rig], place: int) -> None:
    rig = make_rig(products=1, features=0, tests=60)
    [product] = rig.products()
    tests = rig.tests(product)
    rig.simulator.add_fault(kind="poison", test_id=tests[place])
    for _ in range(2):
        assert rig.sync().status is RunStatus.PARTIAL
        assert rig.sql("SELECT count(*) FROM tests") == [(59,)]
        assert rig.sql("SELECT position FROM quarantine") == [(place + 1,)]
    rig.simulator.mutate("add", "test", product_id=product, fields={})
    assert rig.sync().status is RunStatus.PARTIAL
    assert rig.sql("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL") == [(1,)]
    rig.simulator.clear_faults()
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.differences() == []


def test_an_outage_of_one_list_is_no_row_of_holes(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=2, features=0, tests=60)
    sick, _ = rig.products()
    rig.simulator.add_fault(kind="status", status=500, path=f"/products/{sick}/exploratory_tests")
    result = rig.sync()
    assert [(p.product_id, p.kind) for p in result.errors] == [(sick, ErrorKind.SERVER_ERROR)]
    assert rig.sql("SELECT count(*) FROM quarantine") == [(0,)]
    assert rig.requests(f"/products/{sick}/exploratory_tests") < 40


def test_bad_rows_keep_the_product_partial_until_they_heal(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=60)
    rig.simulator.add_fault(kind="wrong_types", rows=3, path="*/exploratory_tests", page=1)
    for _ in range(2):
        assert rig.sync().status is RunStatus.PARTIAL
    assert rig.sql(COMPLETE) == [(None,)]
    rig.simulator.clear_faults()
    assert rig.sync(FORCE).status is RunStatus.SUCCESS
    assert rig.differences() == []


def test_a_gap_met_by_another_run_meanwhile_is_not_closed_by_the_resumed_listing(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=300)
    [product] = rig.products()
    tests = rig.simulator.account()["tests"][str(product)]
    rig.simulator.add_fault(kind="poison", test_id=tests[70]["id"])
    fault = rig.simulator.add_fault(kind="garbage", path="*/exploratory_tests", page=9)
    rig.sync()
    rig.simulator.remove_fault(fault)
    rig.sync(SyncOptions(since=datetime.fromisoformat(tests[100]["end_at"]).astimezone(UTC)))
    for _ in range(2):
        assert rig.sync().status is RunStatus.PARTIAL
    assert rig.sql(COMPLETE) == [(None,)]


def test_a_hole_heals_beside_another_one(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=100)
    [product] = rig.products()
    healing, sick = rig.tests(product)[10], rig.tests(product)[20]
    fault = rig.simulator.add_fault(kind="poison", test_id=healing)
    rig.simulator.add_fault(kind="poison", test_id=sick)
    rig.sync()
    rig.simulator.remove_fault(fault)
    rig.sync()
    assert rig.sql("SELECT count(*) FROM tests WHERE id = ?", healing) == [(1,)]
    assert rig.sql("SELECT position FROM quarantine WHERE resolved_at IS NULL") == [(21,)]


def test_a_page_short_in_the_middle_is_not_complete_with_a_limit_either(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=200)
    [product] = rig.products()
    limit = rig.simulator.account()["tests"][str(product)][150]["end_at"]
    since = SyncOptions(mirror_since=datetime.fromisoformat(limit).astimezone(UTC))
    rig.simulator.add_fault(kind="omit_rows", rows=1, path="*/exploratory_tests", page=3)
    assert rig.sync(since).status is RunStatus.PARTIAL
    assert rig.sql(COMPLETE) == [(None,)]
