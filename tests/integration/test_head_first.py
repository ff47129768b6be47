"""The newest tests come first, whatever else is due, interrupted or failing (rules 5a and 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rules.model import RunStatus, SyncOptions
from tests.rig import Rig

MakeRig = Callable[..., Rig]

IN_FULL = SyncOptions(reconcile_seconds=0)
FAILURES: list[dict[str, Any]] = [
    {"kind": "status", "status": 422},
    {"kind": "status", "status": 500},
    {"kind": "garbage"},
    {"kind": "reset"},
]


def pages_asked(rig: Rig) -> list[str]:
    """The pages of the test lists, in the order in which they were asked for."""
    return [
        line.query["page"][0]
        for line in rig.simulator.requests()
        if line.path.endswith("/exploratory_tests")
    ]


@pytest.mark.parametrize(
    "failure", FAILURES, ids=lambda failure: str(failure.get("status", failure["kind"]))
)
def test_a_page_that_fails_far_down_withholds_no_new_test(
    make_rig: MakeRig, failure: dict[str, Any]
) -> None:
    rig = make_rig(products=1, features=0, tests=400)
    rig.workers = 1
    rig.sync()
    [product] = rig.products()
    for page in range(3, 31):
        rig.simulator.add_fault(**failure, path="*/exploratory_tests", page=page)
    for number in range(2):
        new = rig.simulator.mutate("add", "test", product_id=product, fields={})["id"]
        assert rig.sync(IN_FULL).status is not RunStatus.SUCCESS
        assert rig.sql("SELECT count(*) FROM tests WHERE id = ?", new) == [(1,)], f"run {number}"
        assert pages_asked(rig)[0] == "1"
    rig.simulator.clear_faults()
    for _ in range(2):
        result = rig.sync(IN_FULL)
    assert result.status is RunStatus.SUCCESS
    assert rig.differences() == []


def test_a_hole_that_is_tried_again_comes_behind_the_head(make_rig: MakeRig) -> None:
    rig = make_rig(products=1, features=0, tests=200)
    [product] = rig.products()
    fault = rig.simulator.add_fault(kind="poison", test_id=rig.tests(product)[120])
    rig.sync()
    rig.simulator.remove_fault(fault)
    rig.simulator.add_fault(kind="status", status=422, path="*/exploratory_tests", page=5)
    new = rig.simulator.mutate("add", "test", product_id=product, fields={})["id"]
    with rig.database.transaction() as connection:
        connection.execute("UPDATE quarantine SET probe_after = NULL")
    rig.sync()
    assert pages_asked(rig)[0] == "1"
    assert rig.sql("SELECT count(*) FROM tests WHERE id = ?", new) == [(1,)]


def test_a_new_short_test_below_sixty_open_ones_is_found_by_the_next_run(make_rig: MakeRig) -> None:
    """Sixty known rows prove nothing: it ends before all of them."""
    rig = make_rig(products=1, features=0, tests=150)
    [product] = rig.products()
    now = datetime.now(UTC)
    for number, test in enumerate(rig.tests(product)[:60]):
        end = now + timedelta(days=30 - number / 10)
        rig.simulator.mutate("change", "test", id=test, fields={"end_at": end.isoformat()})
    rig.sync()
    short = (now + timedelta(hours=2)).isoformat()
    new = rig.simulator.mutate("add", "test", product_id=product, fields={"end_at": short})["id"]
    result = rig.sync()
    assert (result.status, result.tests_discovered) == (RunStatus.SUCCESS, 1)
    assert rig.sql("SELECT count(*) FROM tests WHERE id = ?", new) == [(1,)]
    assert rig.requests("exploratory_tests") <= 4


def test_where_nothing_is_open_nothing_new_costs_a_product_two_requests(make_rig: MakeRig) -> None:
    rig = make_rig(products=3, features=2, tests=90, section_products=0)
    rig.sync()
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.requests() == 1 + 2 * 3


def test_ties_in_any_order_are_listed_to_the_last_row(make_rig: MakeRig) -> None:
    for by in ("request", "per_page"):
        rig = make_rig(products=1, features=0, tests=150)
        [product] = rig.products()
        tests = rig.simulator.account()["tests"][str(product)]
        for start in range(20, 140, 15):
            for row in tests[start : start + 10]:
                fields = {"end_at": tests[start]["end_at"]}
                rig.simulator.mutate("change", "test", id=row["id"], fields=fields)
        rig.simulator.add_fault(kind="loose_ties", by=by)
        assert rig.sync(SyncOptions(force=True)).status is RunStatus.SUCCESS
        assert rig.differences() == []


def test_new_tests_without_an_end_that_stand_last_are_in_the_next_run(make_rig: MakeRig) -> None:
    """Once a full listing has seen that such rows stand last, the head alone proves nothing."""
    rig = make_rig(products=1, features=0, tests=90)
    [product] = rig.products()
    rig.simulator.add_fault(kind="nulls_last")
    for number in range(3):
        fields = {"end_at": None}
        new = rig.simulator.mutate("add", "test", product_id=product, fields=fields)["id"]
        result = rig.sync()
        assert rig.sql("SELECT count(*) FROM tests WHERE id = ?", new) == [(1,)], f"run {number}"
        assert any("newest end first" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("tests", "cut", "complete"),
    [
        (89, None, True),
        (50, None, False),
        (300, 99, True),
        (300, 100, False),
        (90, 30, False),
        (120, None, False),
    ],
)
def test_a_remote_that_ignores_paging_is_complete_or_says_why_not(
    make_rig: MakeRig, tests: int, cut: int | None, complete: bool
) -> None:
    rig = make_rig(products=1, features=0, tests=tests)
    rig.workers = 1
    rig.simulator.add_fault(kind="ignored_paging", rows=cut)
    result = rig.sync()
    assert rig.requests("exploratory_tests") == 2
    assert rig.sql("SELECT count(*) FROM tests") == [(cut or tests,)]
    assert rig.sql("SELECT complete_as_of IS NOT NULL FROM freshness WHERE kind = 'tests'") == [
        (int(complete),)
    ]
    if not complete:
        [problem] = result.errors
        assert problem.message == "paging is ignored, the answer may be cut"
