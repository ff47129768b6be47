"""The simulated endpoints: forms, paging, order, determinism, authorization, limits."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
import requests

from simulator import InvalidInputError, PlainFeatures, Simulator, SimulatorOptions

OPTIONS = SimulatorOptions(products=5, section_products=2, features=6, tests=160)
STATUSES = {"initialized", "waiting", "running", "customer_finalized", "locked"}
STATUSES |= {"archived", "cancelled", "pending", "completed"}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(OPTIONS) as simulator:
        yield simulator


def ask(sim: Simulator, path: str, **headers: str) -> requests.Response:
    headers = {"Authorization": f"Token {sim.token}", **headers}
    return requests.get(sim.base_url + path, headers=headers, timeout=5)


def rows(sim: Simulator, path: str, key: str) -> list[dict[str, Any]]:
    answer = ask(sim, path)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == [key]
    listed: list[dict[str, Any]] = answer.json()[key]
    return listed


def has_sections(product: dict[str, Any]) -> bool:
    return bool(product["sections"]) or len(product["sections_with_default"]) > 1


def test_products_are_listed_whole(sim: Simulator) -> None:
    products = rows(sim, "/products", "products")
    assert products == sim.account()["products"]
    assert len(products) == 5
    for product in products:
        everything = {section["id"] for section in product["sections_with_default"]}
        assert product["default_section_id"] in everything


def test_product_list_is_narrowed_by_its_filter(sim: Simulator) -> None:
    first, second, *_ = sim.account()["products"]
    query = f"?filter[product_ids][]={first['id']}&filter[product_ids][]={second['id']}"
    assert rows(sim, f"/products{query}", "products") == [first, second]


def test_one_product(sim: Simulator) -> None:
    product = sim.account()["products"][2]
    assert ask(sim, f"/products/{product['id']}").json() == {"product": product}


def test_both_signs_of_sections_occur(sim: Simulator) -> None:
    sectioned = [product for product in sim.account()["products"] if has_sections(product)]
    assert sorted(bool(product["sections"]) for product in sectioned) == [False, True]


def test_features_in_both_forms_of_user_stories(sim: Simulator) -> None:
    product_id = sim.account()["products"][0]["id"]
    path = f"/products/{product_id}/features"
    plain = rows(sim, path, "features")
    detailed = rows(sim, f"{path}?includes[]=user_stories", "features")
    truth = sim.account()["features"][str(product_id)]
    assert detailed == [{k: v for k, v in f.items() if k != "section_ids"} for f in truth]
    assert len(plain) == 6
    stories = [story for feature in detailed for story in feature["user_stories"]]
    assert stories
    assert all(set(story) == {"id", "path", "title", "feature_id"} for story in stories)
    titles = [story for feature in plain for story in feature["user_stories"]]
    assert titles == [story["title"] for story in stories]


def test_section_features_together_are_all_features(sim: Simulator) -> None:
    product = next(p for p in sim.account()["products"] if p["sections"])
    every = sim.account()["features"][str(product["id"])]
    seen: dict[int, set[int]] = {}
    for section in product["sections_with_default"]:
        path = f"/products/{product['id']}/sections/{section['id']}/features"
        for feature in rows(sim, path, "features"):
            seen.setdefault(feature["id"], set()).add(section["id"])
    assert seen == {feature["id"]: set(feature["section_ids"]) for feature in every}


def test_unknown_section_is_404(sim: Simulator) -> None:
    product_id = sim.account()["products"][0]["id"]
    assert ask(sim, f"/products/{product_id}/sections/999999/features").status_code == 404


@pytest.mark.parametrize(
    ("habit", "status", "count"),
    [(PlainFeatures.ALL, 200, 3), (PlainFeatures.EMPTY, 200, 0), (PlainFeatures.ERROR, 404, None)],
)
def test_plain_features_of_a_product_with_sections(
    habit: PlainFeatures, status: int, count: int | None
) -> None:
    options = SimulatorOptions(
        products=2, section_products=1, features=3, tests=0, plain_features_for_sections=habit
    )
    with Simulator(options) as sim:
        for product in sim.account()["products"]:
            answer = ask(sim, f"/products/{product['id']}/features")
            if not has_sections(product):
                assert len(answer.json()["features"]) == 3
                continue
            assert answer.status_code == status
            if count is not None:
                assert len(answer.json()["features"]) == count


def test_pages_join_to_the_whole_list(sim: Simulator) -> None:
    product_id = sim.account()["products"][1]["id"]
    path = f"/products/{product_id}/exploratory_tests"
    pages = [rows(sim, f"{path}?page={n}&per_page=50", "exploratory_tests") for n in range(1, 6)]
    assert [len(page) for page in pages] == [50, 50, 50, 10, 0]
    assert [test for page in pages for test in page] == sim.account()["tests"][str(product_id)]


def test_default_page_size_and_unpaged_form(sim: Simulator) -> None:
    product_id = sim.account()["products"][1]["id"]
    path, truth = f"/products/{product_id}/exploratory_tests", sim.account()["tests"]
    assert rows(sim, f"{path}?page=2", "exploratory_tests") == truth[str(product_id)][25:50]
    assert rows(sim, path, "exploratory_tests") == truth[str(product_id)][:150]


def test_tests_are_ordered_by_instant_not_by_text_or_id(sim: Simulator) -> None:
    for tests in sim.account()["tests"].values():
        texts = [test["end_at"] for test in tests]
        ends = [datetime.fromisoformat(text) for text in texts]
        assert ends == sorted(ends, reverse=True)
        assert len(set(ends)) < len(ends)
        assert texts != sorted(texts, reverse=True)
        ids = [test["id"] for test in tests]
        assert ids != sorted(ids, reverse=True)


def test_variety_of_tests(sim: Simulator) -> None:
    tests = [test for listed in sim.account()["tests"].values() for test in listed]
    assert {test["status"] for test in tests} == STATUSES
    kinds = {"coverage", "focused", "rapid", "usability", "custom", None}
    assert {test["testing_type"] for test in tests} == kinds
    assert {test["test_environment"]["password"] is None for test in tests} == {True, False}
    tested = [feature for test in tests for feature in test["features"]]
    assert all(feature["id"] != feature["feature_id"] for feature in tested)


def test_ids_are_unique_and_not_contiguous(sim: Simulator) -> None:
    truth = sim.account()
    for kind in ("features", "tests"):
        ids = sorted(row["id"] for listed in truth[kind].values() for row in listed)
        assert all(later - earlier > 1 for earlier, later in pairwise(ids))


OF_FEATURES = ("execution_status", "tester_count", "bugs_found", "bug_ids")
EXECUTED = {"not_tested", "passed", "failed", "blocked"}


@pytest.mark.parametrize("with_stories", [False, True])
def test_only_a_single_test_has_execution_metrics(sim: Simulator, with_stories: bool) -> None:
    for test in next(iter(sim.account()["tests"].values()))[:8]:
        query = "?includes[]=user_stories" if with_stories else ""
        single = ask(sim, f"/exploratory_tests/{test['id']}{query}").json()["exploratory_test"]
        analytics = single.pop("analytics")
        assert analytics["total_features"] == len(test["features"])
        assert analytics["total_user_stories"] == sum(
            len(feature["user_stories"]) for feature in test["features"]
        )
        for feature in single["features"]:
            metrics = {name: feature.pop(name) for name in OF_FEATURES}
            assert metrics["execution_status"] in EXECUTED
            assert metrics["bugs_found"] == len(metrics["bug_ids"])
            if with_stories:
                told = feature["user_stories"]
                assert all(story["execution_status"] in EXECUTED for story in told)
                assert all(story["feature_id"] == feature["feature_id"] for story in told)
                feature["user_stories"] = [story["title"] for story in told]
        assert single == test, "but for the metrics it is the test of the list"


def test_no_list_tells_the_sections_of_a_feature_unless_asked_to() -> None:
    for told in (False, True):
        options = SimulatorOptions(products=1, section_products=1, section_ids_in_lists=told)
        with Simulator(options) as sim:
            product = sim.account()["products"][0]
            section = product["sections_with_default"][0]["id"]
            for place in ("features", f"sections/{section}/features"):
                listed = rows(sim, f"/products/{product['id']}/{place}", "features")
                assert listed
                assert all(("section_ids" in feature) is told for feature in listed)


def test_bugs_by_test_and_by_product(sim: Simulator) -> None:
    product_id, tests = next(iter(sim.account()["tests"].items()))
    of_product = rows(sim, f"/bugs?filter_product_ids={product_id}", "bugs")
    some = [test["id"] for test in tests[:20]]
    of_tests = rows(sim, f"/bugs?filter_test_cycle_ids={','.join(map(str, some))}", "bugs")
    assert {bug["test"]["id"] for bug in of_tests} <= set(some)
    assert 0 < len(of_tests) < len(of_product)
    assert {bug.get("status") for bug in of_product} == {"accepted", "rejected", "forwarded", None}
    assert len({bug["id"] for bug in of_product}) == len(of_product)


@pytest.mark.parametrize(
    "path", ["/nothing", "/products/1", "/products/x/features", "/exploratory_tests/1"]
)
def test_unknown_things_are_404_with_a_message(sim: Simulator, path: str) -> None:
    answer = ask(sim, path)
    assert answer.status_code == 404
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "field", ["page=0", "page=x", f"page={'9' * 5000}", f"page={'0' * 5000}1", "per_page=-1"]
)
def test_bad_numbers_are_400_and_named(sim: Simulator, field: str) -> None:
    product_id = sim.account()["products"][0]["id"]
    answer = ask(sim, f"/products/{product_id}/exploratory_tests?{field}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(field.partition("=")[0])


def test_unsupported_bug_filter_is_refused(sim: Simulator) -> None:
    assert ask(sim, "/bugs?export_status=exported").status_code == 400


@pytest.mark.parametrize("value", ["Token wrong", "demo-token", "Bearer demo-token", ""])
def test_wrong_authorization_is_401(sim: Simulator, value: str) -> None:
    answer = ask(sim, "/products", Authorization=value)
    assert answer.status_code == 401
    assert answer.json()["error"]


def test_only_get_is_allowed(sim: Simulator) -> None:
    headers = {"Authorization": f"Token {sim.token}"}
    assert requests.post(sim.base_url + "/products", headers=headers, timeout=5).status_code == 405


def test_same_seed_same_bytes_other_seed_other_bytes() -> None:
    def content(seed: int) -> bytes:
        options = SimulatorOptions(products=1, tests=20, seed=seed)
        with Simulator(options) as sim:
            return requests.get(f"{sim.url}/simulator/account", timeout=5).content

    assert content(7) == content(7)
    assert content(7) != content(8)


def test_max_per_page_moves_the_windows_too() -> None:
    with Simulator(SimulatorOptions(products=1, tests=30, max_per_page=10)) as sim:
        product_id, tests = next(iter(sim.account()["tests"].items()))
        path = f"/products/{product_id}/exploratory_tests?per_page=25&page=2"
        assert rows(sim, path, "exploratory_tests") == tests[10:20]


def test_rate_limit_answers_429_with_a_wait() -> None:
    with Simulator(SimulatorOptions(products=1, tests=0, rate_limit=2)) as sim:
        answers = [ask(sim, "/products") for _ in range(4)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert answers[0].status_code == 200
        assert refused
        assert {answer.headers["Retry-After"] for answer in refused} == {"1"}


def test_latency_is_waited_for() -> None:
    with Simulator(SimulatorOptions(products=1, tests=0, latency_seconds=0.05)) as sim:
        assert ask(sim, "/products").elapsed.total_seconds() >= 0.05


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "0.0.0.0"),
        ("host", "example.com"),
        ("port", 70_000),
        ("products", -1),
        ("section_products", 6),
        ("rate_limit", 0),
        ("latency_seconds", float("nan")),
        ("max_per_page", 0),
        ("token", "two words"),
        ("token", ""),
    ],
)
def test_bad_options_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"^{field}: "):
        SimulatorOptions(**{field: value})
