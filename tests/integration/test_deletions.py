"""What is marked as gone, and what is held back (rules 7 and 8)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rules.model import (
    ErrorKind,
    RunStatus,
    SyncOptions,
    SyncPhase,
)
from tests.rig import Rig

FORCE = SyncOptions(force=True)


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
    from storage.writes.deletion_rows import accept

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
