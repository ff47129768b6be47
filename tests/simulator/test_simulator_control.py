"""The control endpoints: mutations, request log, token, faults, and their errors."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import requests

from simulator import InvalidInputError, Simulator, SimulatorOptions, UnknownIdError


@pytest.fixture
def sim() -> Iterator[Simulator]:
    options = SimulatorOptions(products=2, section_products=1, features=4, tests=30)
    with Simulator(options) as simulator:
        yield simulator


def control(sim: Simulator, method: str, path: str, content: Any = None) -> requests.Response:
    return requests.request(method, f"{sim.url}/simulator/{path}", json=content, timeout=5)


def ask(sim: Simulator, path: str, token: str = "demo-token") -> requests.Response:
    headers = {"Authorization": f"Token {token}"}
    return requests.get(sim.base_url + path, headers=headers, timeout=5)


def listed_tests(sim: Simulator, product_id: int) -> list[dict[str, Any]]:
    path = f"/products/{product_id}/exploratory_tests?page=1&per_page=100"
    listed: list[dict[str, Any]] = ask(sim, path).json()["exploratory_tests"]
    return listed


def first_product(sim: Simulator) -> int:
    number: int = sim.account()["products"][0]["id"]
    return number


def test_account_over_http_is_the_truth(sim: Simulator) -> None:
    truth = control(sim, "GET", "account").json()
    assert truth == sim.account()
    assert set(truth) == {"products", "features", "tests"}
    assert [len(rows) for rows in truth["features"].values()] == [4, 4]
    assert [len(rows) for rows in truth["tests"].values()] == [30, 30]


def test_state_counts(sim: Simulator) -> None:
    number = sim.add_fault(kind="slow", seconds=0, times=3)
    ask(sim, "/products")
    state = control(sim, "GET", "state").json()
    assert state == sim.state()
    counts = {name: state[name] for name in ("products", "features", "tests", "requests_served")}
    assert counts == {"products": 2, "features": 8, "tests": 60, "requests_served": 1}
    assert state["token_valid"] is True
    (fault,) = state["faults"]
    assert (fault["id"], fault["times"], fault["seconds"]) == (number, 2, 0)


def test_added_test_comes_first(sim: Simulator) -> None:
    product_id = first_product(sim)
    before = listed_tests(sim, product_id)
    added = sim.mutate("add", "test", product_id=product_id, fields={"title": "Fresh"})
    assert listed_tests(sim, product_id) == [added, *before]
    assert added["title"] == "Fresh"
    assert ask(sim, f"/exploratory_tests/{added['id']}").status_code == 200


def test_added_test_takes_its_place_by_end(sim: Simulator) -> None:
    product_id = first_product(sim)
    before = listed_tests(sim, product_id)
    fields = {"end_at": before[10]["end_at"]}
    added = sim.mutate("add", "test", product_id=product_id, fields=fields)
    listed = [test["id"] for test in listed_tests(sim, product_id)]
    assert listed.index(added["id"]) in (9, 10)
    assert len(listed) == 31


def test_changed_end_moves_a_test(sim: Simulator) -> None:
    product_id = first_product(sim)
    last = listed_tests(sim, product_id)[-1]
    fields = {"end_at": "2031-01-01T00:00:00+09:00", "status": "running"}
    changed = sim.mutate("change", "test", id=last["id"], fields=fields)
    assert changed == {**last, **fields}
    assert listed_tests(sim, product_id)[0] == changed
    sim.mutate("change", "test", id=changed["id"], fields={"end_at": last["end_at"]})
    assert listed_tests(sim, product_id)[-1]["id"] == last["id"]


def test_tests_without_an_end_come_first_and_do_not_disturb_an_addition(sim: Simulator) -> None:
    product_id = first_product(sim)
    sim.mutate("add", "test", product_id=product_id)
    newest, _, other, *_ = listed_tests(sim, product_id)
    endless = sim.mutate("change", "test", id=other["id"], fields={"end_at": None})
    added = sim.mutate("add", "test", product_id=product_id)
    ids = [test["id"] for test in listed_tests(sim, product_id)]
    assert ids[:3] == [endless["id"], added["id"], newest["id"]]
    ends = [datetime.fromisoformat(test["end_at"]) for test in (added, newest)]
    assert ends[0] > ends[1]


def test_deleted_test_pulls_the_others_up_and_can_return(sim: Simulator) -> None:
    product_id = first_product(sim)
    before = listed_tests(sim, product_id)
    gone = before[3]
    assert sim.mutate("delete", "test", id=gone["id"]) == gone
    assert listed_tests(sim, product_id) == before[:3] + before[4:]
    assert ask(sim, f"/exploratory_tests/{gone['id']}").status_code == 404
    fields = {name: value for name, value in gone.items() if name != "id"}
    sim.mutate("add", "test", product_id=product_id, id=gone["id"], fields=fields)
    assert listed_tests(sim, product_id) == before


def test_feature_is_added_changed_and_deleted(sim: Simulator) -> None:
    product_id = first_product(sim)
    path = f"/products/{product_id}/features"
    added = sim.mutate("add", "feature", product_id=product_id)
    assert ask(sim, path).json()["features"][-1] == added
    fields = {"title": "Renamed", "user_stories": ["As a guest I can wait"]}
    place = {"product_id": product_id, "id": added["id"]}
    changed = sim.mutate("change", "feature", fields=fields, **place)
    assert changed == {**added, **fields}
    detailed = ask(sim, f"{path}?includes[]=user_stories").json()["features"][-1]
    assert detailed["user_stories"][0]["title"] == "As a guest I can wait"
    assert detailed["user_stories"][0]["feature_id"] == added["id"]
    sim.mutate("delete", "feature", **place)
    assert len(ask(sim, path).json()["features"]) == 4


def test_product_is_added_changed_and_deleted(sim: Simulator) -> None:
    added = sim.mutate("add", "product", fields={"name": "Newcomer"})
    assert ask(sim, "/products").json()["products"][-1] == added
    assert ask(sim, f"/products/{added['id']}/exploratory_tests").json()["exploratory_tests"] == []
    sim.mutate("add", "test", product_id=added["id"])
    sim.mutate("change", "product", id=added["id"], fields={"name": "Old hand"})
    assert ask(sim, f"/products/{added['id']}").json()["product"]["name"] == "Old hand"
    sim.mutate("delete", "product", id=added["id"])
    assert ask(sim, f"/products/{added['id']}/exploratory_tests").status_code == 404
    assert str(added["id"]) not in sim.account()["tests"]


def test_product_gets_sections_by_a_change(sim: Simulator) -> None:
    product = sim.account()["products"][0]
    sections = [{"id": 77, "name": "Web shop"}]
    sim.mutate("change", "product", id=product["id"], fields={"sections": sections})
    assert ask(sim, f"/products/{product['id']}/sections/77/features").status_code == 200


def test_mutation_over_http_gives_the_row(sim: Simulator) -> None:
    wanted = {"action": "add", "kind": "test", "product_id": first_product(sim)}
    row = control(sim, "POST", "mutations", wanted).json()
    assert listed_tests(sim, first_product(sim))[0] == row


@pytest.mark.parametrize(
    ("mutation", "field"),
    [
        ([], "mutation"),
        ({"action": "melt", "kind": "test"}, "action"),
        ({"action": "add", "kind": "bug"}, "kind"),
        ({"action": "add", "kind": "test"}, "product_id"),
        ({"action": "change", "kind": "feature", "id": 3}, "product_id"),
        ({"action": "delete", "kind": "test"}, "id"),
        ({"action": "delete", "kind": "test", "id": "3"}, "id"),
        ({"action": "add", "kind": "product", "fields": []}, "fields"),
        ({"action": "add", "kind": "product", "fields": {"id": 3}}, "fields"),
        ({"action": "add", "kind": "product", "fields": {"sections": None}}, "fields"),
        ({"action": "add", "kind": "product", "colour": "red"}, "colour"),
    ],
)
def test_bad_mutations_are_400_and_named(sim: Simulator, mutation: Any, field: str) -> None:
    before = sim.account()
    answer = control(sim, "POST", "mutations", mutation)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")
    assert sim.account() == before


@pytest.mark.parametrize("end_at", ["soon", "2026-01-01T00:00:00", 7])
def test_end_without_meaning_is_refused_and_nothing_changes(sim: Simulator, end_at: Any) -> None:
    before = sim.account()
    test_id = before["tests"][str(first_product(sim))][0]["id"]
    with pytest.raises(InvalidInputError, match=r"^end_at: "):
        sim.mutate("change", "test", id=test_id, fields={"end_at": end_at})
    assert sim.account() == before


def test_taken_and_unknown_ids(sim: Simulator) -> None:
    product_id = first_product(sim)
    taken = listed_tests(sim, product_id)[0]["id"]
    with pytest.raises(InvalidInputError, match=f"^id: {taken} is taken"):
        sim.mutate("add", "test", product_id=product_id, id=taken)
    with pytest.raises(InvalidInputError, match=f"^id: {product_id} is taken"):
        sim.mutate("add", "product", id=product_id)
    feature_id = sim.account()["features"][str(product_id)][0]["id"]
    other_product = sim.account()["products"][1]["id"]
    with pytest.raises(InvalidInputError, match=f"^id: {feature_id} is taken"):
        sim.mutate("add", "feature", product_id=other_product, id=feature_id)
    with pytest.raises(UnknownIdError):
        sim.mutate("delete", "test", id=1)
    wanted = {"action": "delete", "kind": "product", "id": 1}
    assert control(sim, "POST", "mutations", wanted).status_code == 404


def test_request_log_holds_api_requests_only(sim: Simulator) -> None:
    ask(sim, "/products?filter[product_ids][]=1&filter[product_ids][]=2")
    ask(sim, "/nothing")
    log = control(sim, "GET", "requests").json()
    assert [line["path"] for line in log] == ["/customer/v2/products", "/customer/v2/nothing"]
    assert [line["status"] for line in log] == [200, 404]
    assert log[0]["query"] == {"filter[product_ids][]": ["1", "2"]}
    assert log[0]["method"] == "GET"
    assert log[0]["at"] <= log[1]["at"]
    assert [line.as_json() for line in sim.requests()] == log
    control(sim, "DELETE", "requests")
    assert sim.requests() == []
    assert sim.state()["requests_served"] == 2


def test_token_is_replaced_revoked_and_returned(sim: Simulator) -> None:
    assert control(sim, "POST", "token", {"token": "new"}).json() == {"token_valid": True}
    assert sim.token == "new"
    assert [ask(sim, "/products", t).status_code for t in ("demo-token", "new")] == [401, 200]
    assert control(sim, "POST", "token", {"revoked": True}).json() == {"token_valid": False}
    assert ask(sim, "/products", "new").status_code == 401
    control(sim, "POST", "token", {"revoked": False})
    assert ask(sim, "/products", "new").status_code == 200
    sim.revoke_token()
    assert ask(sim, "/products", "new").status_code == 401
    sim.set_token("third")
    assert ask(sim, "/products", "third").status_code == 200


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({}, "token"),
        ({"token": ""}, "token"),
        ({"token": 5}, "token"),
        ({"revoked": "yes"}, "revoked"),
        ({"secret": "x"}, "secret"),
    ],
)
def test_bad_token_requests_are_400_and_named(sim: Simulator, content: Any, field: str) -> None:
    answer = control(sim, "POST", "token", content)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{field}: ")
    assert ask(sim, "/products").status_code == 200


def test_faults_over_http(sim: Simulator) -> None:
    one = control(sim, "POST", "faults", {"kind": "status", "status": 500}).json()["id"]
    two = control(sim, "POST", "faults", {"kind": "garbage", "page": 2}).json()["id"]
    assert [fault["id"] for fault in sim.state()["faults"]] == [one, two]
    assert control(sim, "DELETE", f"faults/{one}").status_code == 200
    assert [fault["id"] for fault in sim.state()["faults"]] == [two]
    assert control(sim, "DELETE", f"faults/{one}").status_code == 404
    assert control(sim, "DELETE", "faults").status_code == 200
    assert sim.state()["faults"] == []


def test_bad_fault_over_http_is_400_and_named(sim: Simulator) -> None:
    answer = control(sim, "POST", "faults", {"kind": "slow"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("seconds: ")


def test_body_that_is_not_json_is_400(sim: Simulator) -> None:
    answer = requests.post(f"{sim.url}/simulator/faults", data=b"{", timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("body: ")


def test_unknown_control_path_and_method(sim: Simulator) -> None:
    assert control(sim, "GET", "weather").status_code == 404
    answer = control(sim, "PUT", "requests")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, DELETE"


def test_control_is_free_of_faults_latency_limit_and_token() -> None:
    options = SimulatorOptions(products=1, tests=0, rate_limit=0.001, latency_seconds=60)
    with Simulator(options, faults=[{"kind": "hang"}]) as sim:
        sim.revoke_token()
        answers = [control(sim, "GET", "state") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert sim.requests() == []
