"""Changing a daemon while it runs, as an operator does it; and what a restart remembers."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from simulator import Simulator
from tests.homes import Home


def test_choices_take_effect_and_survive_a_restart(home: Home) -> None:
    home.settings["TESTIO_REFRESH_INTERVAL_SECONDS"] = "600"
    home.daemon()
    home.wait_for_run(1)
    before = datetime.now(UTC)
    assert home.run("pause", "--for", "2h").stdout.startswith("paused until 20")
    assert "every 5 min, was every 10 min" in home.run("interval", "5m").stdout
    assert home.run("interval", "0").stdout.startswith("no periodic runs, was every 5 min (")
    said = home.run("interval", "5m").stdout
    assert said.startswith("every 5 min; there were no periodic runs before (")
    assert "4 requests at once, was 10" in home.run("concurrency", "4").stdout
    assert "at most 7 requests a second, was no limit" in home.run("rate", "7").stdout
    home.run("stop")

    home.daemon()
    status = home.control.status()
    assert status.current_run is None, "a paused daemon makes no run at its start"
    assert status.paused
    assert status.paused_until is not None
    assert abs(status.paused_until - before - timedelta(hours=2)) < timedelta(seconds=60)
    assert (status.interval_seconds, status.remote.connections) == (300, 4)
    assert status.remote.requests_per_second == 7
    assert home.run("resume").stdout == "resumed\n"
    assert home.wait_for_run(2) == "success", "the run that the pause held back"

    home.run("interval", "default")
    home.run("concurrency", "default")
    assert home.json("rate", "default", "--json") == {
        "word": "changed",
        "value": 0.0,
        "before": 7.0,
        "chosen": False,
    }
    assert home.run("pause").stdout == "paused\n"
    assert home.run("pause").stdout == "already paused\n"
    home.run("stop")
    home.daemon()
    status = home.control.status()
    assert (status.paused, status.paused_until) == (True, None)
    assert (status.interval_seconds, status.remote.connections) == (600, 10)
    kept = home.sql("SELECT name, value FROM settings WHERE name LIKE 'operator.%'")
    assert kept == [("operator.paused", "until resumed")]


def test_more_concurrency_than_at_the_start_is_used_at_once(
    home: Home, make_simulator: Callable[..., Simulator]
) -> None:
    home.simulator = make_simulator(products=8, features=2, tests=3)
    home.settings["MAX_CONCURRENT_API_REQUESTS"] = "1"
    fault = home.hang("*/features*")
    home.daemon()
    home.wait_for(lambda: home.control.status().remote.in_flight == 1, "the first request")
    home.run("concurrency", "6")
    home.wait_for(lambda: home.control.status().remote.in_flight == 6, "five requests more")
    status = home.control.status()
    assert len(status.workers) == 6
    home.simulator.remove_fault(fault)


def test_one_product_is_left_out_of_the_run_at_work(home: Home) -> None:
    first = home.simulator.account()["products"][0]["id"]
    home.hang(f"*/products/{first}/features*")
    home.daemon()
    home.wait_for(
        lambda: [w.product_id for w in home.control.status().workers] == [first],
        "the end of all others",
    )
    assert home.run("cancel", "--product", str(first)).stdout == "cancelling\n"
    assert home.wait_for_run(1) == "partial"
    skipped = home.sql(
        "SELECT phase, product_id, error FROM sync_events WHERE event = 'product_skipped'"
        " ORDER BY id"
    )
    why = f"product {first} was left out by an operator"
    assert [(phase, product) for phase, product, _ in skipped] == [
        ("features", first),
        ("new_tests", first),
    ]
    assert skipped[0][2] == why
    assert home.run("cancel", "--product", str(first)).stdout == "nothing to cancel\n"
    assert (
        "there is no product 424242" in home.run("cancel", "--product", "424242", expect=2).stderr
    )
    refused = home.run("cancel", "--product", "zero", expect=2).stderr
    assert "expected a whole number of 1 or more, like 18; got 'zero'" in refused


def test_reload_takes_up_what_is_good_and_refuses_what_is_bad(home: Home) -> None:
    token, config = home.folder / "token", home.folder / "sync.toml"
    token.write_text(home.simulator.token)
    token.chmod(0o600)
    config.write_text("testio_refresh_interval_seconds = 600\n")
    home.settings["TESTIO_CUSTOMER_API_TOKEN_FILE"] = str(token)
    home.settings["LOG_FILE"] = str(home.folder / "log")
    daemon = home.daemon("--config", str(config))
    home.wait_for_run(1)
    assert home.run("reload").stdout == "nothing was taken up\n"

    config.write_text('testio_refresh_interval_seconds = 300\ntestio_db_mode = "0640"\n')
    reloaded = home.run("reload")
    assert reloaded.stdout == "changed: TESTIO_REFRESH_INTERVAL_SECONDS\n"
    assert "only a restart takes it up: TESTIO_DB_MODE" in reloaded.stderr
    assert home.control.status().interval_seconds == 300

    config.write_text("testio_refresh_interval_seconds = -1\n")
    refused = home.run("reload", expect=2).stderr
    assert "TESTIO_REFRESH_INTERVAL_SECONDS" in refused
    assert home.control.status().interval_seconds == 300

    config.write_text("testio_refresh_interval_seconds = 200\n")
    token.write_text("not-the-right-token")
    refused = home.run("reload", expect=2).stderr
    assert "the old token stays: with the new one the remote refused the token (401)" in refused
    assert home.control.status().interval_seconds == 300, "all of it or nothing"
    assert home.run("sync", "--phases", "products").returncode == 0, "the old token works"

    token.write_text(home.simulator.token)
    os.kill(daemon.pid, signal.SIGHUP)
    home.wait_for(lambda: home.control.status().interval_seconds == 200, "the reload by SIGHUP")
    home.wait_for(
        lambda: home.sql("SELECT count(*) FROM sync_events WHERE event = 'reloaded'") == [(3,)],
        "the record of the reload",
    )
    events = [
        (event, json.loads(detail))
        for event, detail in home.sql(
            "SELECT event, detail FROM sync_events WHERE event LIKE 'reload%' ORDER BY id"
        )
    ]
    assert [event for event, _ in events] == [
        "reloaded",
        "reloaded",
        "reload_refused",
        "reload_refused",
        "reloaded",
    ]
    assert "not-the-right-token" not in (home.folder / "log").read_text()

    os.kill(daemon.pid, signal.SIGUSR1)
    home.wait_for(lambda: "thread_stack" in (home.folder / "log").read_text(), "the stacks")
    home.wait_for(
        lambda: (
            {"MainThread", "testio-control"}
            <= {line["thread_name"] for line in _log(home) if line["event"] == "thread_stack"}
        ),
        "the stack of every thread",
    )
    home.run("stop")
    assert daemon.wait(10) == 0


def test_another_token_of_the_same_account_is_taken_up_and_one_of_another_account_is_not(
    home: Home,
) -> None:
    token = home.folder / "token"
    token.write_text(home.simulator.token)
    token.chmod(0o600)
    home.settings["TESTIO_CUSTOMER_API_TOKEN_FILE"] = str(token)
    home.daemon()
    home.wait_for_run(1)
    recorded = home.sql("SELECT value FROM settings WHERE name = 'account.fingerprint'")
    home.simulator.set_token("another-good-token")
    token.write_text("another-good-token")
    assert home.run("reload").stdout == "changed: TESTIO_CUSTOMER_API_TOKEN\n"
    assert home.sql("SELECT value FROM settings WHERE name = 'account.fingerprint'") != recorded
    assert home.run("sync").returncode == 0

    for product in home.simulator.account()["products"]:
        home.simulator.mutate("delete", "product", id=product["id"])
    home.simulator.mutate("add", "product", id=555, fields={"name": "another"})
    home.simulator.set_token("the-token-of-others")
    token.write_text("the-token-of-others")
    refused = home.run("reload", expect=2).stderr
    assert "the old token stays: this token belongs to another account" in refused
    assert home.answers(), "and the daemon lives on"


def test_several_changes_at_once_leave_one_consistent_state(home: Home) -> None:
    home.daemon()
    home.wait_for_run(1)
    spans = [60, 120, 180, 240]
    threads = [threading.Thread(target=home.control.set_interval, args=(span,)) for span in spans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    kept = home.sql("SELECT value FROM settings WHERE name = 'operator.interval_seconds'")
    assert kept == [(f"{home.control.status().interval_seconds:g}",)]


def test_bad_choices_are_refused_with_what_was_expected(home: Home) -> None:
    for words, expected in (
        (("interval", "soon"), "expected a span like 90s, 5m or 2h"),
        (("interval", "8d"), "at most 7d"),
        (("concurrency", "65"), "expected a whole number from 1 to 64"),
        (("rate", "-1"), "expected"),
        (("pause", "--for", "0"), "expected a span like"),
    ):
        assert expected in home.run(*words, expect=2).stderr
    assert "start one with `testio-sync run`" in home.run("interval", "5m", expect=7).stderr


def _log(home: Home) -> list[dict[str, str]]:
    text = (home.folder / "log").read_text()
    whole = text[: text.rfind("\n") + 1]  # the last line may be on its way
    return [json.loads(line) for line in whole.splitlines()]
