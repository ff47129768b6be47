"""A product whose tests are slow to list is mirrored in small pages; nothing of it is a hole."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rules.model import ErrorKind, RunStatus, SyncOptions
from testio.transport import ATTEMPTS
from tests.rig import Rig

TESTS = "*/exploratory_tests"


def sizes(rig: Rig, product: int) -> list[int]:
    """The `per_page` of all requests for a product's tests, in their order."""
    path = f"/products/{product}/exploratory_tests"
    return [
        int(line.query["per_page"][0]) for line in rig.simulator.requests() if path in line.path
    ]


@pytest.mark.parametrize(
    ("seconds", "gives_up", "most"), [(0.03, None, 10), (0.08, None, 5), (0.015, 0.2, 10)]
)
def test_slow_tests_are_asked_for_in_tens_and_then_in_fives(
    make_rig: Callable[..., Rig], seconds: float, gives_up: float | None, most: int
) -> None:
    rig = make_rig(products=2, features=0, tests=35)
    rig.clients, rig.workers = {"timeout_seconds": 0.5}, 1
    slow, quick = rig.products()
    rig.simulator.add_fault(
        kind="slow_rows", seconds=seconds, gives_up=gives_up, path=TESTS, product_id=slow
    )
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.differences() == []
    asked = sizes(rig, slow)
    assert asked[0] == 30
    assert sum(size > most for size in asked) == (1 if most == 10 else 2)
    assert max(sizes(rig, quick)) == 30
    assert rig.sql("SELECT count(*) FROM quarantine") == [(0,)]


def test_five_rows_that_are_too_slow_fail_their_product_alone_and_are_no_holes(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=3, features=2, tests=60)
    rig.clients = {"timeout_seconds": 0.3}
    slow, *others = rig.products()
    rig.simulator.add_fault(kind="hang", path=TESTS, product_id=slow)
    result = rig.sync()
    assert [(p.product_id, p.kind) for p in result.errors] == [(slow, ErrorKind.TIMEOUT)]
    assert sizes(rig, slow) == [30, 10, *[5] * ATTEMPTS]
    for other in others:
        assert rig.sql("SELECT count(*) FROM tests WHERE product_id = ?", other) == [(60,)]
    assert rig.sql("SELECT count(*) FROM quarantine") == [(0,)]


def test_a_hole_is_tried_again_in_fewer_rows_where_thirty_are_too_slow(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(products=1, features=0, tests=60)
    rig.clients = {"timeout_seconds": 0.3}
    [product] = rig.products()
    poison = rig.simulator.add_fault(kind="poison", test_id=rig.tests(product)[40])
    holes = "SELECT count(*) FROM quarantine WHERE resolved_at IS NULL"
    rig.sync()
    assert rig.sql(holes) == [(1,)]
    hang = rig.simulator.add_fault(kind="slow_rows", seconds=0.1, path=TESTS)
    rig.sync(SyncOptions(incremental_only=True))
    assert rig.sql(holes) == [(1,)], "nothing could be seen, so nothing follows"
    rig.simulator.remove_fault(hang)
    rig.simulator.remove_fault(poison)
    rig.simulator.add_fault(kind="slow_rows", seconds=0.015, path=TESTS)
    with rig.database.transaction() as connection:
        connection.execute("UPDATE quarantine SET probe_after = NULL")
    assert rig.sync().status is RunStatus.SUCCESS
    assert rig.sql(holes) == [(0,)]
    assert rig.differences() == []
