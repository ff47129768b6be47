"""The main job from the command line: an account mirrored, and what is said about it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable

import pytest

from simulator import PlainFeatures, Simulator
from tests.homes import Home
from tests.oracle import differences

KEYS = [
    "run_id",
    "status",
    "trigger_source",
    "phases_completed",
    "products_synced",
    "features_refreshed",
    "tests_discovered",
    "tests_updated",
    "duration_seconds",
    "warnings",
    "errors",
]


def test_the_mirror_equals_the_account(home: Home) -> None:
    result = home.json("sync", "--json")
    assert list(result) == KEYS
    assert (result["status"], result["products_synced"]) == ("success", 5)
    assert result["tests_discovered"] == 200
    assert differences(home.database, home.simulator) == []
    assert home.json("sync", "--json")["tests_discovered"] == 0


def test_what_changes_upstream_changes_in_the_mirror(home: Home) -> None:
    home.run("sync")
    product = home.simulator.account()["products"][1]["id"]
    test = home.simulator.account()["tests"][str(product)][7]["id"]
    home.simulator.mutate(
        "change", "test", id=test, fields={"title": "renamed", "status": "locked"}
    )
    home.simulator.mutate("add", "test", product_id=product, fields={"title": "brand new"})
    home.simulator.mutate("add", "feature", product_id=product, fields={"title": "a new feature"})
    result = home.json("sync", "--json")
    assert (result["tests_discovered"], result["tests_updated"]) == (1, 1)
    assert differences(home.database, home.simulator) == []


@pytest.mark.parametrize(
    "options",
    [
        {"max_per_page": 7},
        {"max_per_page": 20},
        {"plain_features_for_sections": "empty"},
        {"plain_features_for_sections": "error"},
        {"products": 0},
        {"tests": 0, "features": 0},
        {"rate_limit": 40.0, "products": 2, "tests": 70},
    ],
    ids=str,
)
def test_other_kinds_of_remote_are_mirrored_as_well(
    home: Home, make_simulator: Callable[..., Simulator], options: dict[str, object]
) -> None:
    sizes = {"products": 6, "features": 3, "tests": 65}
    if value := options.get("plain_features_for_sections"):
        options = options | {"plain_features_for_sections": PlainFeatures(str(value))}
    home.simulator = make_simulator(**(sizes | options))
    home.run("sync")
    assert [d for d in differences(home.database, home.simulator) if "features" not in d] == []
    expected = sum(len(rows) for rows in home.simulator.account()["features"].values())
    assert home.sql("SELECT count(*) FROM features") == [(expected,)]


def test_one_failing_product_and_the_truth_about_it(home: Home) -> None:
    sick = home.simulator.account()["products"][2]["id"]
    home.simulator.add_fault(kind="status", status=500, product_id=sick, path="*/features")
    result = home.json("sync", "--json", expect=3)
    assert (result["status"], result["products_synced"]) == ("partial", 4)
    assert [(e["product_id"], e["phase"], e["kind"]) for e in result["errors"]] == [
        (sick, "features", "server_error")
    ]
    assert home.sql(
        "SELECT product_id, outcome FROM sync_events WHERE event = 'product_failed'"
    ) == [(sick, "failed")]
    unfinished = "SELECT product_id, kind FROM freshness WHERE complete_as_of IS NULL"
    assert home.sql(unfinished) == [(sick, "features")]
    ends = (
        "SELECT count(*) FROM sync_events WHERE event IN"
        " ('run_finished', 'phase_finished', 'product_failed', 'product_synced')"
    )
    assert home.sql(ends + " AND duration_seconds > 0") == home.sql(ends)
    status = home.json("status", "--json")
    assert status["freshness"][0]["product_id"] == sick, "the worst comes first"
    assert status["problems"][0]["product_id"] == sick
    home.simulator.clear_faults()
    home.run("sync")
    assert home.sql(unfinished) == []
    assert home.json("status", "--json")["problems"] == []


def test_only_some_products_and_phases(home: Home) -> None:
    first, second = (p["id"] for p in home.simulator.account()["products"][:2])
    words = ("sync", "--product-ids", str(first), str(second), "--phases", "new_tests", "products")
    result = home.json(*words, "--json")
    assert result["phases_completed"] == ["products", "new_tests"]
    assert {row[0] for row in home.sql("SELECT DISTINCT product_id FROM tests")} == {first, second}
    assert home.sql("SELECT count(*) FROM features") == [(0,)]


def test_only_tests_since_a_date(home: Home) -> None:
    ends = sorted(_all_ends(home.simulator))
    middle = ends[len(ends) // 2][:10]
    home.settings["TESTIO_SYNC_SINCE"] = middle
    home.run("sync")
    assert home.sql("SELECT min(end_at) >= ?, count(*) > 0 FROM tests", middle) == [(1, 1)]
    claims = home.sql(
        "SELECT DISTINCT substr(complete_from, 1, 10) FROM freshness WHERE kind = 'tests'"
    )
    assert claims == [(middle,)], "completeness is claimed from there on only"


def _all_ends(simulator: Simulator) -> list[str]:
    rows = (row for tests in simulator.account()["tests"].values() for row in tests)
    return [row["end_at"] for row in rows]


def test_a_refused_token_ends_the_run_at_once(home: Home) -> None:
    home.simulator.revoke_token()
    result = home.json("sync", "--json", expect=5)
    assert result["status"] == "failed"
    assert result["errors"][0]["kind"] == "unauthorized"
    assert len(home.simulator.requests()) == 1


def test_no_secret_reaches_disk_or_screen(home: Home) -> None:
    environments = [
        row["test_environment"]
        for rows in home.simulator.account()["tests"].values()
        for row in rows
        if row.get("test_environment")
    ]
    passwords = {env["password"] for env in environments if env.get("password")}
    assert passwords, "the simulator should have secrets to leak"
    home.settings["LOG_LEVEL"] = "DEBUG"
    home.simulator.add_fault(kind="wrong_types", path="*/exploratory_tests", times=2)
    shown = home.run("sync", expect=None)
    files = b"".join(f.read_bytes() for f in home.folder.rglob("*") if f.is_file())
    everything = files.decode("utf-8", "replace") + shown.stdout + shown.stderr
    leaked = [p for p in passwords if p in everything]
    assert leaked == []
    assert home.simulator.token not in everything


def test_the_files_are_private(home: Home) -> None:
    home.run("sync")
    rights = {f.name: stat.S_IMODE(f.stat().st_mode) for f in home.folder.iterdir() if f.is_file()}
    assert set(rights.values()) == {0o600}, rights


def test_the_events_verb(home: Home) -> None:
    home.run("sync")
    lines = home.run("events", "--json", "--limit", "500").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert (events[0]["event"], events[-1]["event"]) == ("run_started", "run_finished")
    after = home.run("events", "--since", str(events[-2]["id"]), "--json").stdout.splitlines()
    assert [json.loads(line)["id"] for line in after] == [events[-1]["id"]]
    assert "product_synced" in home.run("events", "--run", "1").stdout


def test_the_status_without_a_database_says_what_to_do(home: Home) -> None:
    assert "testio-sync sync" in home.run("status").stdout
    document = home.json("status", "--json")
    assert (document["daemon"], document["runs"], document["freshness"]) == (None, [], [])
    assert not home.database.exists(), "looking makes nothing"


@pytest.mark.parametrize(
    ("words", "settings", "status", "says"),
    [
        (["sync"], {"TESTIO_CUSTOMER_API_TOKEN": ""}, 2, "TESTIO_CUSTOMER_API_TOKEN"),
        (["sync"], {"TESTIO_REFRESH_INTERVAL_SECOND": "3"}, 2, "TESTIO_REFRESH_INTERVAL_SECONDS?"),
        (["run", "--interval", "soon"], {}, 2, "TESTIO_REFRESH_INTERVAL_SECONDS"),
        (["sync", "--product-ids", "x"], {}, 2, "whole number"),
        (["sync", "--phases", "bugs"], {}, 2, "no phase"),
        (["sync", "--since", "2999-01-01"], {}, 2, "is in the future"),
        (["sync", "--force", "--incremental-only"], {}, 2, "--force cannot go with"),
        (["sync", "--nuke", "--dry-run"], {}, 2, "--nuke cannot go with --dry-run"),
        (["sync", "--nuke"], {}, 2, "needs --yes"),
        (["synk"], {}, 2, "did you mean sync?"),
        (["pause"], {}, 7, "no daemon answers"),
        (["cancel"], {}, 7, "no daemon answers"),
        (["stop"], {}, 7, "no daemon answers"),
        (["events"], {}, 6, "there is no database"),
        (["sync"], {"TESTIO_DB_PATH": "/proc/none/testio.db"}, 6, "/proc/none"),
        (["simulator", "--products", "-1"], {}, 2, "products"),
    ],
)
def test_a_mistake_gets_a_clear_line_and_its_own_status(
    home: Home, words: list[str], settings: dict[str, str], status: int, says: str
) -> None:
    home.settings |= settings
    ended = home.run(*words, expect=status)
    assert says in ended.stderr, ended.stderr
    assert home.simulator.requests() == [], "nothing was sent"


def test_a_database_that_is_none_is_left_alone(home: Home) -> None:
    home.database.write_text("my diary")
    ended = home.run("sync", expect=9)
    assert "not a SQLite database" in ended.stderr
    assert home.database.read_text() == "my diary"
