"""Answers that are not what the API promises: the bad record is set aside, its neighbours stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rules.listing.windows import Window
from simulator import Simulator
from testio.client import TestioClient
from testio.errors import BadPayload
from testio.limits import RequestScope, RetryBudget

MakeClient = Callable[..., TestioClient]
WINDOW = Window(page=2, per_page=10)


def scope() -> RequestScope:
    return RequestScope(retries=RetryBudget(5))


@pytest.fixture
def product_id(simulator: Simulator) -> int:
    first: int = simulator.account()["products"][0]["id"]
    return first


@pytest.fixture
def truth(simulator: Simulator, product_id: int) -> list[dict[str, Any]]:
    """The rows that stand in WINDOW."""
    rows: list[dict[str, Any]] = simulator.account()["tests"][str(product_id)]
    return rows[WINDOW.offset : WINDOW.offset + WINDOW.per_page]


def test_wrong_types_cost_only_their_rows(
    simulator: Simulator, make_client: MakeClient, product_id: int, truth: list[dict[str, Any]]
) -> None:
    simulator.add_fault(kind="wrong_types", rows=3)
    rows = make_client(simulator).list_tests(product_id, WINDOW, scope())
    bad = {0, 2, 4}  # ids as text, null and true
    assert [r.id for r in rows.records] == [t["id"] for i, t in enumerate(truth) if i not in bad]
    assert [row.position for row in rows.bad_rows] == [11, 13, 15]
    assert [row.record_id for row in rows.bad_rows] == [None] * 3
    assert all(row.reason.startswith("id ") for row in rows.bad_rows), rows.bad_rows
    assert [i for i, found in enumerate(rows.ids) if found is None] == sorted(bad)


def test_lists_as_objects_in_products(simulator: Simulator, make_client: MakeClient) -> None:
    for _ in range(3):
        simulator.mutate("add", "product", fields={})
    products = simulator.account()["products"]
    simulator.add_fault(kind="wrong_types")
    rows = make_client(simulator).list_products(scope())
    assert [r.id for r in rows.records] == [p["id"] for p in products[1::2]]
    assert [row.position for row in rows.bad_rows] == [1, 3, 5, 7]
    assert rows.bad_rows[3].record_id == products[6]["id"]
    assert "sections" in rows.bad_rows[3].reason


@pytest.mark.parametrize(("kind", "field"), [("nan", "duration"), ("surrogate", "title")])
def test_what_json_cannot_hold_costs_only_its_row(
    simulator: Simulator,
    make_client: MakeClient,
    product_id: int,
    truth: list[dict[str, Any]],
    kind: str,
    field: str,
) -> None:
    simulator.add_fault(kind=kind)
    rows = make_client(simulator).list_tests(product_id, WINDOW, scope())
    assert [record.id for record in rows.records] == [test["id"] for test in truth[1:]]
    assert [(row.position, row.record_id) for row in rows.bad_rows] == [(11, truth[0]["id"])]
    assert field in rows.bad_rows[0].reason, f"the reason names no field: {rows.bad_rows[0].reason}"


@pytest.mark.parametrize("kind", ["bom", "content_type"])
def test_a_byte_order_mark_or_another_content_type_costs_nothing(
    simulator: Simulator,
    make_client: MakeClient,
    product_id: int,
    truth: list[dict[str, Any]],
    kind: str,
) -> None:
    client = make_client(simulator)
    plain = client.list_tests(product_id, WINDOW, scope())
    simulator.add_fault(kind=kind)
    assert client.list_tests(product_id, WINDOW, scope()) == plain
    assert len(plain.records) == len(truth)


def test_a_test_without_an_end_is_a_good_row(
    simulator: Simulator, make_client: MakeClient, product_id: int, truth: list[dict[str, Any]]
) -> None:
    simulator.add_fault(kind="null_end_dates", rows=2)
    rows = make_client(simulator).list_tests(product_id, WINDOW, scope())
    assert rows.bad_rows == ()
    assert [r.end_at is None for r in rows.records] == [True] * 2 + [False] * 8


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "garbage"},
        {"kind": "invalid_json"},
        {"kind": "bad_envelope", "shape": "list"},
        {"kind": "bad_envelope", "shape": "renamed"},
        {"kind": "bad_envelope", "shape": "null"},
        {"kind": "bad_envelope", "shape": "object"},
        {"kind": "status", "status": 200, "body": ""},
        {"kind": "status", "status": 204, "body": ""},
        {"kind": "status", "status": 200, "body": "null"},
        {"kind": "status", "status": 200, "body": "[" * 100_000},
        {"kind": "status", "status": 200, "body": '{"products": ' + "9" * 9_000 + "}"},
    ],
    ids=lambda fault: str(fault.get("shape", fault.get("body", fault["kind"])))[:14] or "empty",
)
def test_an_unexpected_answer_is_an_error_of_the_whole(
    simulator: Simulator, make_client: MakeClient, product_id: int, fault: dict[str, str | int]
) -> None:
    simulator.add_fault(**fault)  # type: ignore[arg-type]
    client, test_id = make_client(simulator), simulator.account()["tests"][str(product_id)][0]["id"]
    for ask in (
        lambda: client.list_products(scope()),
        lambda: client.list_features(product_id, scope()),
        lambda: client.list_tests(product_id, WINDOW, scope()),
        lambda: client.get_test(test_id, product_id, scope()),
    ):
        with pytest.raises(BadPayload):
            ask()
    assert len(simulator.requests()) == 4, "a bad answer is not asked for again"
