"""The rules of a sync over real HTTP and real SQLite: what the mirror claims, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from rules.model import (
    ErrorKind,
    RunStatus,
    SyncOptions,
    SyncPhase,
)
from tests.rig import Rig

FORCE = SyncOptions(force=True)


# -- what it costs -----------------------------------------------------------------------------


def test_a_cycle_with_nothing_new_costs_three_requests_a_product(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=6, features=5, tests=120, section_products=2)
    assert rig.sync().status is RunStatus.SUCCESS
    again = rig.sync()
    assert (again.status, again.tests_discovered, again.tests_updated) == (
        RunStatus.SUCCESS,
        0,
        0,
    )
    assert rig.requests() <= 1 + 3 * 6, [line.path for line in rig.simulator.requests()]


@pytest.mark.parametrize("tests", [0, 1, 2, 3, 29, 30, 31, 60])
def test_small_products_cost_no_more(make_rig: Callable[..., Rig], tests: int) -> None:
    rig = make_rig(products=2, features=1, tests=tests, section_products=0)
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.requests() <= 1 + 3 * 2
    assert rig.differences() == []


def test_where_only_sections_answer_each_costs_one_request_more(
    make_rig: Callable[..., Rig],
) -> None:
    from simulator import PlainFeatures

    rig = make_rig(
        products=4,
        features=6,
        tests=40,
        section_products=4,
        plain_features_for_sections=PlainFeatures.ERROR,
    )
    assert rig.sync().status is RunStatus.SUCCESS
    sections = rig.sql("SELECT count(*) FROM sections WHERE deleted_at IS NULL")[0][0]
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.requests() <= 1 + 3 * 4 + sections
    plain = [line for line in rig.simulator.requests() if line.status == 404]
    assert plain == [], "the form that answers is remembered"
    linked = rig.sql("SELECT count(DISTINCT feature_id) FROM feature_sections")
    assert linked == [(24,)], "each feature once, with all its sections"


# -- complete, current, known --------------------------------------------------------------------


def test_what_is_new_at_the_head_is_found_incrementally_and_what_is_deep_by_a_full_listing(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=200)
    rig.sync()
    [product] = rig.products()
    deep, complete = rig.tests(product)[150], rig.sql(COMPLETE)
    rig.simulator.mutate("change", "test", id=deep, fields={"title": "changed below the stop"})
    rig.simulator.mutate("add", "test", product_id=product, fields={})
    result = rig.sync()
    assert (result.tests_discovered, result.tests_updated) == (1, 0)
    assert rig.sql(COMPLETE) == complete, "only a full listing moves this time"
    assert rig.sql("SELECT current_as_of > complete_as_of FROM freshness WHERE kind = 'tests'") == [
        (1,)
    ]
    result = rig.sync(FORCE)
    assert (result.tests_updated, rig.differences()) == (1, [])
    assert rig.sql(COMPLETE) > complete


COMPLETE = "SELECT complete_as_of FROM freshness WHERE kind = 'tests'"


def test_full_listings_come_again_with_the_reconcile_interval(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=200)
    rig.sync()
    rig.sync()
    assert rig.requests("exploratory_tests") == 2
    rig.sync(SyncOptions(reconcile_seconds=0))
    assert rig.requests("exploratory_tests") > 6


def test_a_list_that_keeps_no_order_is_listed_in_full_and_reported(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=120)
    rig.sync()
    rig.simulator.add_fault(kind="unsorted")
    for _ in range(2):
        result = rig.sync()
        assert result.status is RunStatus.SUCCESS
        assert any("newest end first" in warning for warning in result.warnings)
        assert rig.requests("exploratory_tests") > 4
    assert rig.differences() == []


def test_since_for_one_run_lists_the_newest_and_moves_no_cursor(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=120)
    [product] = rig.products()
    newest = rig.simulator.account()["tests"][str(product)][10]["end_at"]
    since = datetime.fromisoformat(newest).astimezone(UTC)
    result = rig.sync(SyncOptions(since=since))
    assert result.status is RunStatus.SUCCESS
    assert 0 < result.tests_discovered < 60
    assert rig.sql("SELECT complete_as_of, current_as_of FROM freshness WHERE kind = 'tests'") == [
        (None, None)
    ]
    rig.sync()
    assert rig.differences() == [], "rows of such a run do not end a later listing early"


def test_incremental_only_leaves_out_what_was_never_listed(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=2, features=0, tests=40)
    result = rig.sync(SyncOptions(incremental_only=True))
    assert result.status is RunStatus.PARTIAL
    assert rig.sql("SELECT count(*) FROM tests") == [(0,)]
    rig.sync()
    assert rig.sync(SyncOptions(incremental_only=True)).status is RunStatus.SUCCESS


def test_refresh_mutable_fetches_open_tests_below_the_stop(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=150)
    [product] = rig.products()
    deep = rig.tests(product)[120]
    rig.simulator.mutate("change", "test", id=deep, fields={"status": "running"})
    rig.sync()
    rig.simulator.mutate("change", "test", id=deep, fields={"status": "locked"})
    assert rig.sync().tests_updated == 0
    assert rig.sync(SyncOptions(refresh_mutable=True)).tests_updated == 1
    assert rig.sql("SELECT status FROM tests WHERE id = ?", deep) == [("locked",)]


# -- deletions -----------------------------------------------------------------------------------


def test_a_test_is_gone_only_after_the_remote_says_so(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=80)
    rig.sync()
    [product] = rig.products()
    gone = rig.tests(product)[40]
    rig.simulator.mutate("delete", "test", id=gone)
    fault = rig.simulator.add_fault(kind="status", status=500, path=f"/exploratory_tests/{gone}")
    result = rig.sync(FORCE)
    assert result.status is RunStatus.PARTIAL
    assert [problem.kind for problem in result.errors] == [ErrorKind.UNCONFIRMED]
    assert rig.sql("SELECT count(*) FROM tests WHERE deleted_at IS NOT NULL") == [(0,)]
    rig.simulator.remove_fault(fault)
    result = rig.sync()
    assert result.status is RunStatus.SUCCESS, "looked for again, without another full listing"
    assert rig.sql("SELECT id FROM tests WHERE deleted_at IS NOT NULL") == [(gone,)]
    assert rig.sql("SELECT rows_gone FROM sync_runs ORDER BY id DESC LIMIT 1") == [(1,)]
    assert rig.differences() == []


def test_a_list_that_leaves_a_test_out_takes_nothing_away(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=20)
    rig.sync()
    rig.simulator.add_fault(kind="omit_rows", rows=2, path="*/exploratory_tests")
    rig.sync(FORCE)
    assert rig.sql("SELECT count(*) FROM tests WHERE deleted_at IS NOT NULL") == [(0,)]
    rig.simulator.clear_faults()
    assert rig.sync(FORCE).status is RunStatus.SUCCESS
    assert rig.differences() == []


def test_a_row_that_comes_back_is_revived(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=2, tests=30)
    rig.sync()
    [product] = rig.products()
    truth = rig.simulator.account()["tests"][str(product)][3]
    key = truth.pop("id")
    rig.simulator.mutate("delete", "test", id=key)
    rig.sync(FORCE)
    rig.simulator.mutate("add", "test", product_id=product, id=key, fields=truth)
    result = rig.sync(FORCE)
    assert (result.status, result.tests_discovered) == (RunStatus.SUCCESS, 0)
    assert rig.sql("SELECT rows_revived FROM sync_runs ORDER BY id DESC LIMIT 1") == [(1,)]
    assert rig.differences() == []


def test_features_are_gone_after_two_listings_without_them(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=6, tests=0)
    rig.sync()
    [product] = rig.products()
    feature = rig.simulator.account()["features"][str(product)][0]["id"]
    rig.simulator.mutate("delete", "feature", product_id=product, id=feature)
    rig.sync()
    assert rig.sql("SELECT count(*) FROM features WHERE deleted_at IS NOT NULL") == [(0,)]
    rig.sync()
    assert rig.sql("SELECT id FROM features WHERE deleted_at IS NOT NULL") == [(feature,)]
    assert rig.differences() == []


def test_a_product_gone_from_the_list_keeps_its_rows_and_is_synced_no_more(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=3, features=2, tests=10)
    rig.sync()
    gone = rig.products()[1]
    rig.simulator.mutate("delete", "product", id=gone)
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    rig.sync(phases=(SyncPhase.PRODUCTS,))
    assert rig.sql("SELECT id FROM products WHERE deleted_at IS NOT NULL") == [(gone,)]
    rows = rig.sql("SELECT count(*), count(deleted_at) FROM tests WHERE product_id = ?", gone)
    assert rows == [(10, 10)]
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.requests(str(gone)) == 0
    assert rig.differences() == []


@pytest.mark.parametrize("kind", ["tests", "features"])
def test_the_brake_holds_an_empty_list_and_an_operator_lets_go(
    make_rig: Callable[..., Rig], kind: str
) -> None:
    from storage.deletion_rows import accept

    rig = make_rig(products=2, features=12, tests=12)
    rig.sync()
    product, other = rig.products()
    ids = [row["id"] for row in rig.simulator.account()[kind][str(product)]]
    for key in ids:
        rig.simulator.mutate("delete", kind[:-1], id=key, product_id=product)
    for _ in range(3):
        result = rig.sync(FORCE)
        assert result.status is RunStatus.PARTIAL
        assert [(p.product_id, p.kind) for p in result.errors] == [(product, ErrorKind.HELD)]
    assert rig.sql(f"SELECT count(*) FROM {kind} WHERE deleted_at IS NOT NULL") == [(0,)]
    [(held, status, count)] = rig.sql("SELECT id, status, row_count FROM held_deletions")
    assert (status, count) == ("held", 12)
    with rig.database.transaction() as connection:
        assert accept(connection, held, "2026-03-01T08:00:00.000000Z") == 12
    assert rig.sync(FORCE).status is RunStatus.SUCCESS
    assert rig.differences() == []
    assert rig.sql(
        f"SELECT count(*) FROM {kind} WHERE product_id = ? AND deleted_at IS NOT NULL", other
    ) == [(0,)]


# -- poison --------------------------------------------------------------------------------------


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


# -- resuming ------------------------------------------------------------------------------------


def test_an_interrupted_first_sync_goes_on_where_it_stopped(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=500)
    fault = rig.simulator.add_fault(kind="garbage", path="*/exploratory_tests", page=9)
    before = datetime.now(UTC)
    result = rig.sync()
    assert result.errors[0].kind is ErrorKind.BAD_PAYLOAD
    [(stored,)] = rig.sql("SELECT count(*) FROM tests")
    assert 100 < stored < 500
    first = rig.requests("exploratory_tests")
    between = datetime.now(UTC)
    rig.simulator.remove_fault(fault)
    assert rig.sync().status is RunStatus.SUCCESS
    assert first + rig.requests("exploratory_tests") <= 23 + 1 + 2, "a page twice, plus the head"
    assert rig.differences() == []
    [(complete,)] = rig.sql(COMPLETE)
    assert before - timedelta(seconds=1) <= datetime.fromisoformat(complete) <= between, (
        "its time is that of its first start"
    )


# -- what a review found ---------------------------------------------------------------------------


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


def test_a_held_set_outlives_a_list_with_a_bad_row(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=14, tests=0)
    rig.sync()
    [product] = rig.products()
    for row in rig.simulator.account()["features"][str(product)][:12]:
        rig.simulator.mutate("delete", "feature", id=row["id"], product_id=product)
    rig.sync()
    rig.simulator.add_fault(kind="wrong_types", rows=1, path="*/features")
    rig.sync()
    assert rig.sql("SELECT id, status FROM held_deletions") == [(1, "held")]


def test_a_wish_for_a_full_listing_outlives_one_that_had_begun_before(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=300)
    [product] = rig.products()
    gone = rig.tests(product)[40]
    rig.simulator.mutate("change", "test", id=gone, fields={"status": "running"})
    rig.sync()
    rig.simulator.add_fault(kind="garbage", path="*/exploratory_tests", page=9)
    rig.sync(FORCE)
    rig.simulator.clear_faults()
    rig.simulator.mutate("delete", "test", id=gone)
    rig.sync(SyncOptions(incremental_only=True, refresh_mutable=True))
    rig.sync()
    assert rig.differences() == []


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
