"""Each endpoint through the client, over HTTP, against the account that the simulator holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rules.listing.windows import Window
from simulator import Simulator
from testio.client import TestioClient
from testio.errors import (
    NotFound,
)
from testio.limits import RequestScope, RetryBudget

MakeClient = Callable[..., TestioClient]
MakeSimulator = Callable[..., Simulator]


def scope(retries: int = 0) -> RequestScope:
    return RequestScope(retries=RetryBudget(retries))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def without_environment(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != "test_environment"}


def test_all_products_come_with_their_sections(
    simulator: Simulator, make_client: MakeClient
) -> None:
    truth = simulator.account()["products"]
    rows = make_client(simulator).list_products(scope())
    assert rows.bad_rows == ()
    assert rows.ids == tuple(product["id"] for product in truth)
    for record, product in zip(rows.records, truth, strict=True):
        own = [section["id"] for section in product["sections"]]
        everything = [section["id"] for section in product["sections_with_default"]]
        assert (record.id, record.name) == (product["id"], product["name"])
        assert record.product_type == product.get("product_type")
        assert set(record.section_ids) == {*own, *everything}, f"product {record.id}"
        assert len(set(record.section_ids)) == len(record.section_ids), "a section stands twice"
        assert record.has_sections is (bool(own) or len(everything) > 1), f"product {record.id}"
        assert json.loads(record.data) == product
    assert {record.has_sections for record in rows.records} == {True, False}


def test_features_come_by_product_and_by_section(
    make_simulator: MakeSimulator, make_client: MakeClient
) -> None:
    simulator = make_simulator(products=4, section_products=2, features=6, tests=1)
    client, account = make_client(simulator), simulator.account()
    for product in account["products"]:
        truth = account["features"][str(product["id"])]
        rows = client.list_features(product["id"], scope())
        assert rows.bad_rows == ()
        assert [(r.id, r.product_id, r.title, r.section_ids) for r in rows.records] == [
            (f["id"], product["id"], f["title"], None) for f in truth
        ]
        assert [json.loads(r.data) for r in rows.records] == [
            {key: value for key, value in f.items() if key != "section_ids"} for f in truth
        ]
    sectioned = [p for p in account["products"] if len(p["sections_with_default"]) > 1]
    assert sectioned, "the account should have products with sections"
    for product in sectioned:
        truth = account["features"][str(product["id"])]
        for section in product["sections_with_default"]:
            rows = client.list_section_features(product["id"], section["id"], scope())
            assert {r.id for r in rows.records} == {
                f["id"] for f in truth if section["id"] in f["section_ids"]
            }, f"section {section['id']}"


def test_every_window_of_the_tests_holds_its_rows(
    simulator: Simulator, make_client: MakeClient
) -> None:
    product_id = simulator.account()["products"][0]["id"]
    truth = simulator.account()["tests"][str(product_id)]
    client = make_client(simulator)
    for page, per_page in [(1, 1), (40, 1), (1, 7), (3, 7), (6, 7), (7, 7), (2, 25), (1, 30)]:
        window = Window(page=page, per_page=per_page)
        rows = client.list_tests(product_id, window, scope())
        expected = truth[window.offset : window.offset + per_page]
        assert rows.ids == tuple(test["id"] for test in expected), f"{window}"
    lines = [line.query for line in simulator.requests()]
    assert lines[3] == {"page": ["3"], "per_page": ["7"]}


def test_tests_have_their_fields_and_their_times_in_utc(
    simulator: Simulator, make_client: MakeClient
) -> None:
    product_id = simulator.account()["products"][1]["id"]
    truth = simulator.account()["tests"][str(product_id)]
    offsets = {datetime.fromisoformat(test["end_at"]).utcoffset() for test in truth}
    assert len(offsets) > 2, "the account should have tests in several time zones"
    rows = make_client(simulator).list_tests(product_id, Window(page=1, per_page=40), scope())
    assert (len(rows.records), rows.bad_rows) == (len(truth), ())
    for record, test in zip(rows.records, truth, strict=True):
        assert record.product_id == product_id
        for name in ("id", "title", "status", "review_status", "testing_type"):
            assert getattr(record, name) == test[name], f"{name} of test {test['id']}"
        assert (record.start_at, record.end_at) == (utc(test["start_at"]), utc(test["end_at"]))
        assert record.end_at is not None
        assert record.end_at.tzinfo is UTC
        kept = without_environment(json.loads(record.data))
        assert kept == without_environment(test)


def test_one_test_comes_in_full(simulator: Simulator, make_client: MakeClient) -> None:
    product_id, tests = next(iter(simulator.account()["tests"].items()))
    client, truth = make_client(simulator), tests[3]
    record = client.get_test(truth["id"], int(product_id), scope())
    assert (record.id, record.title, record.status) == (
        truth["id"],
        truth["title"],
        truth["status"],
    )
    assert record.end_at == utc(truth["end_at"])
    window = Window(page=1, per_page=30)
    (listed,) = [
        r
        for r in client.list_tests(int(product_id), window, scope()).records
        if r.id == truth["id"]
    ]
    assert replace(record, metrics=None) == listed, "the form is no change"
    metrics = json.loads(record.metrics or "")
    assert metrics["analytics"]["total_features"] == len(truth["features"])
    assert [f["feature_id"] for f in metrics["features"]] == [
        f["feature_id"] for f in truth["features"]
    ]
    simulator.mutate("delete", "test", id=truth["id"])
    with pytest.raises(NotFound):
        client.get_test(truth["id"], int(product_id), scope())


def test_fields_that_nobody_knows_are_kept(simulator: Simulator, make_client: MakeClient) -> None:
    product = simulator.account()["products"][0]
    unknown = {"invented": [{"ä": 1}, None, 2.5], "title": "Zoë's 端末 test"}
    added = simulator.mutate("add", "test", product_id=product["id"], fields=unknown)
    record = make_client(simulator).get_test(added["id"], product["id"], scope())
    assert json.loads(record.data)["invented"] == unknown["invented"]
    assert record.title == unknown["title"]
