"""What grants access to a test environment is in no record, no bad row and no repr."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from rules.listing.windows import Window
from rules.records import TestRecord
from simulator import Simulator
from testio import payloads
from testio.client import TestioClient
from testio.limits import RequestScope, RetryBudget

MakeClient = Callable[..., TestioClient]


def scope(retries: int = 0) -> RequestScope:
    return RequestScope(retries=RetryBudget(retries))


SECRETS = ("u-hunter", "p-hunter", "a-hunter", "c-hunter", "n-hunter", "o-hunter", "s-hunter")
ENVIRONMENT = {
    "id": 9,
    "title": "Preview",
    "url": "https://o-hunter:s-hunter@stage.example.com/start?x=1",
    "username": "u-hunter",
    "password": "p-hunter",
    "access": "ask for a-hunter",
    "access_claims": {"role": "c-hunter"},
    "access_type": "basic",
    "nested": [{"HTTP_Password": "n-hunter", "kept": "s-hunter"}],
}


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def test_secrets_of_the_test_environment_are_nowhere(
    simulator: Simulator, make_client: MakeClient
) -> None:
    product_id = simulator.account()["products"][0]["id"]
    client, environment = make_client(simulator), {"test_environment": ENVIRONMENT}
    simulator.add_fault(kind="wrong_types", rows=1)
    for _ in range(2):
        added = simulator.mutate("add", "test", product_id=product_id, fields=environment)
    rows = client.list_tests(product_id, Window(page=1, per_page=30), scope())
    one = client.get_test(added["id"], product_id, scope())
    assert len(rows.bad_rows) == 1
    assert "Preview" in repr(rows), "the environment itself is kept"
    assert leaks(repr(rows)) == []
    assert leaks(repr(one)) == []
    assert json.loads(one.data)["test_environment"] == {
        "id": 9,
        "title": "Preview",
        "url": "https://stage.example.com/start?x=1",
        "access_type": "basic",
    }


@pytest.mark.parametrize(
    "row",
    [
        {"id": None, "test_environment": ENVIRONMENT},
        {"id": 1, "end_at": "soon", "test_environment": [ENVIRONMENT]},
        {"id": 1, "title": 5, "test_environment": ENVIRONMENT},
        [{"id": 1, "test_environment": ENVIRONMENT}],
        {"id": None, "exploratory_test": {"id": 1, "test_environment": ENVIRONMENT}},
    ],
    ids=["no id", "a list of environments", "title", "row in a list", "row in an envelope"],
)
def test_secrets_are_in_no_bad_row(row: object) -> None:
    rows = payloads.tests(json.dumps({"exploratory_tests": [row]}).encode(), 7, offset=0)
    assert len(rows.bad_rows) == 1
    assert leaks(repr(rows)) == [], rows.bad_rows[0].excerpt


@pytest.mark.parametrize(
    "url",
    [
        "https://o-hunter:s-hunter@stage.example.com",
        "https://o-hunter:s-hunter@stage.example.com?next=/a@b",
        "https://o-hunter:s-hunter@stage.example.com#a@b",
        "HTTPS://o-hunter@stage.example.com:8443/x",
        "https://o-hunter:s@hunter@stage.example.com/",
        "shop https://stage.example.com/, admin https://o-hunter:s-hunter@stage.example.com/",
    ],
)
def test_urls_lose_their_userinfo_and_keep_their_host(url: str) -> None:
    row = {"id": 1, "test_environment": {"url": url}}
    record: TestRecord = payloads.test(json.dumps({"exploratory_test": row}).encode(), 7)
    assert "hunter" not in record.data
    assert "stage.example.com" in record.data


RECORD = {
    "id": 1,
    "title": "kept",
    "name": "kept",
    "test_environment": ENVIRONMENT,
    "devices": [{"environments": [ENVIRONMENT], "pin": "p-hunter"}],
    "basic_auth": "u-hunter:p-hunter",
    "features": [{"id": 2, "bugs_found": 1, "user_stories": [{"id": 3, "bugs_found": 1}]}],
}
WITH_METRICS = RECORD | {
    "features": [
        {"id": 2, "user_stories": [{"id": 3, "bugs_found": 1, "environment": ENVIRONMENT}]}
    ]
}


@pytest.mark.parametrize("bad", [{}, {"id": "no number"}, {"title": 5, "name": 5}])
def test_secrets_are_in_no_kind_of_record(bad: dict[str, object]) -> None:
    row = RECORD | bad
    read: list[object] = [
        payloads.products(json.dumps({"products": [row]}).encode()),
        payloads.features(json.dumps({"features": [row]}).encode(), 7),
        payloads.tests(json.dumps({"exploratory_tests": [row]}).encode(), 7, offset=0),
        payloads.bugs(json.dumps({"bugs": [row]}).encode(), [7]),
    ]
    for rows in read:
        assert leaks(repr(rows)) == []
        assert "Preview" in repr(rows)


def test_secrets_are_not_in_the_metrics_of_a_test() -> None:
    one = payloads.test(json.dumps({"exploratory_test": WITH_METRICS}).encode(), 7)
    assert one.metrics is not None
    assert "Preview" in one.metrics
    assert leaks(repr(one)) == []


def test_the_bugs_of_the_simulator_tell_of_no_password(
    simulator: Simulator, make_client: MakeClient
) -> None:
    product = simulator.account()["products"][0]["id"]
    client = make_client(simulator)
    tests = client.list_tests(product, Window(page=1, per_page=30), scope()).records
    bugs = client.list_bugs([test.id for test in tests], scope())
    assert bugs is not None
    found = repr(bugs)
    assert "Preview" in found
    assert "open-sesame" not in found
    assert "tester-" not in found
