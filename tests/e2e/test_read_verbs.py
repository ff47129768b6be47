"""products, features, tests and bugs as a person types them, without and beside a daemon."""

from __future__ import annotations

import csv
import io
import threading
import time

import pytest

from tests.homes import Home


@pytest.fixture
def product(home: Home) -> str:
    """A product that the mirror knows, and nothing of it."""
    home.run("products")
    home.simulator.forget_requests()
    return str(home.simulator.account()["products"][1]["id"])


def test_rows_come_as_a_table_as_csv_and_as_json(home: Home, product: str) -> None:
    document = home.json("tests", "--product-ids", product, "--json")
    truth = home.simulator.account()["tests"][product]
    assert {row["id"] for row in document["rows"]} == {row["id"] for row in truth}
    assert document["rows"][0]["data"]["goal_text"]
    assert document["statistics"] | {"oldest_age_seconds": 0} == {
        "hits": 0,
        "refreshed": 1,
        "stale": 0,
        "oldest_age_seconds": 0,
        "errors": [],
        "notes": [],
    }
    asked = len(home.simulator.requests())
    text = home.run("tests", "--product-ids", product, "--status", "archived", "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    archived = {row["id"]: row["title"] for row in truth if row["status"] == "archived"}
    assert {int(row["id"]): row["title"] for row in rows} == archived
    assert {row["is_stale"] for row in rows} == {"0"}
    table = home.run("tests", "--product-ids", product, "--limit", "2").stdout.splitlines()
    assert table[0].split() == ["id", "product_id", "status", "end_at", "title", "age"]
    assert table[-1] == "2 tests (of 1 product, from the database)"
    assert len(home.simulator.requests()) == asked


def test_when_the_remote_is_down_rows_are_stale_and_the_status_is_three(
    home: Home, product: str
) -> None:
    home.run("features", "--product-ids", product)
    home.simulator.add_fault(kind="reset")
    result = home.run("features", "--product-ids", product, "--max-age", "0", expect=3)
    assert result.stdout.count("stale") == 5
    assert f"features of product {product}: connection_failed" in result.stderr
    assert "ago)" in result.stderr


def test_a_refused_token_has_a_status_of_its_own(home: Home, product: str) -> None:
    home.simulator.revoke_token()
    result = home.run("bugs", "--test-ids", "1", expect=5)
    assert "refused the token" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("features",), "the product list was never fetched"),
        (("tests", "--since", "soon"), "expected a date like 2026-01-31"),
        (("bugs", "--max-age", "often"), "expected a span like"),
        (("tests", "--test-ids", "0"), "expected a whole number"),
        (("tests", "--test-ids", f"{1:020}{9**30}"), "expected a whole number"),
        (("products", "--json", "--csv"), "not allowed with"),
    ],
)
def test_bad_questions_are_answered_with_two(home: Home, words: tuple[str, ...], said: str) -> None:
    assert said in home.run(*words, expect=2).stderr


def test_beside_a_daemon_the_daemon_fetches_once_for_all(home: Home) -> None:
    home.settings["TESTIO_REFRESH_INTERVAL_SECONDS"] = "0"
    daemon = home.daemon()
    home.wait_for_run(1)
    product = str(home.simulator.account()["products"][1]["id"])
    home.simulator.forget_requests()
    fresh = home.json("features", "--product-ids", product, "--json")
    assert (fresh["statistics"]["hits"], home.simulator.requests()) == (1, [])
    home.simulator.add_fault(kind="slow", seconds=1.0)
    # Everything is older than when these two begin, and both ask while the answer is under way.
    words = ("features", "--product-ids", product, "--max-age", "0", "--json")
    both = [home.start(*words), home.start(*words)]
    for process in both:
        home.finish(process)
    assert 1 <= len(home.simulator.requests()) <= 2
    assert daemon.poll() is None
    assert home.sql("SELECT last_error FROM fetches WHERE kind = 'features'") == [(None,)]


def test_a_daemon_that_stops_cuts_a_fetch_and_the_asker_goes_on_without_it(home: Home) -> None:
    home.settings["TESTIO_REFRESH_INTERVAL_SECONDS"] = "0"
    daemon = home.daemon()
    home.wait_for_run(1)
    test = str(next(iter(home.simulator.account()["tests"].values()))[0]["id"])
    hanging = home.hang("/bugs")
    asking = home.start("bugs", "--test-ids", test, "--json")
    home.wait_for_hang()
    let_go = threading.Timer(0.2, home.simulator.remove_fault, [hanging])
    let_go.start()
    began = time.monotonic()
    home.run("stop")
    assert time.monotonic() - began < 10
    assert home.finish(daemon).returncode == 0
    assert home.finish(asking, expect=None).returncode in (0, 3)
    let_go.join()
