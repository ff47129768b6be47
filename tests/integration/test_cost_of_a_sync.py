"""What a cycle costs over real HTTP: requests are counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rules.model import (
    RunStatus,
    SyncOptions,
)
from tests.rig import Rig

FORCE = SyncOptions(force=True)


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
