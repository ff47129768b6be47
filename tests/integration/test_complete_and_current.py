"""What the two times claim, over real HTTP and SQLite (rules 4 to 6 and 14)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from rules.model import (
    ErrorKind,
    RunStatus,
    SyncOptions,
)
from tests.rig import Rig

FORCE = SyncOptions(force=True)


CONTENT = """
SELECT 'p', id, changed_at, first_seen_at, data FROM products
UNION ALL SELECT 'f', id, changed_at, first_seen_at, data FROM features
UNION ALL SELECT 't', id, changed_at, first_seen_at, data FROM tests ORDER BY 1, 2
"""
LAST_RUN = """
SELECT started_at, rows_new, rows_changed, rows_unchanged, rows_revived, rows_gone
FROM sync_runs ORDER BY id DESC LIMIT 1
"""
CONFIRMED = """
SELECT (SELECT count(*) FROM products WHERE synced_at > ?)
    + (SELECT count(*) FROM features WHERE synced_at > ?)
    + (SELECT count(*) FROM tests WHERE synced_at > ?)
"""
COMPLETE = "SELECT complete_as_of FROM freshness WHERE kind = 'tests'"


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


@pytest.mark.parametrize("options", [None, SyncOptions(reconcile_seconds=0)])
def test_where_nothing_is_new_rows_are_confirmed_and_not_rewritten(
    make_rig: Callable[..., Rig], options: SyncOptions | None
) -> None:
    rig = make_rig(products=3, features=4, tests=70, section_products=1)
    rig.sync()
    rows, as_of = rig.sql(CONTENT), rig.sql("SELECT current_as_of FROM freshness")
    by_the_first = rig.sql("SELECT id, listed_in FROM tests")
    assert rig.sync(options).status is RunStatus.SUCCESS
    assert rig.sql(CONTENT) == rows
    assert min(rig.sql("SELECT current_as_of FROM freshness")) > max(as_of), "each cursor moves"
    [(start, new, changed, unchanged, revived, gone)] = rig.sql(LAST_RUN)
    assert (new, changed, revived, gone) == (0, 0, 0, 0)
    assert unchanged == 3 + 3 * 4 + 3 * (70 if options else 30), "one window of each, or all"
    assert rig.sql(CONFIRMED, *(start,) * 3) == [(unchanged,)]
    if options is not None:
        assert not set(by_the_first) & set(rig.sql("SELECT id, listed_in FROM tests"))
    assert rig.differences() == []


def test_full_listings_come_again_with_the_reconcile_interval(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=200)
    rig.sync()
    rig.sync()
    assert rig.requests("exploratory_tests") == 1
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


def test_an_interrupted_first_sync_goes_on_where_it_stopped(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(products=1, features=0, tests=500)
    rig.workers = 1  # nobody reads ahead, so what is asked twice is told by the count
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
