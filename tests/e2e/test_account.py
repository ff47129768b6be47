"""One account a database, as processes: another one is refused with status 2 and the way out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulator import Simulator
from tests.homes import Home
from tests.oracle import differences


@pytest.fixture
def moved(home: Home) -> Home:
    """A database that mirrors an account whose products the token's account no longer has."""
    home.run("sync")
    for row in home.simulator.account()["products"]:
        home.simulator.mutate("delete", "product", id=row["id"])
    home.simulator.mutate("add", "product", id=555, fields={"name": "another"})
    home.simulator.set_token("another-token")
    home.simulator.forget_requests()
    return home


def test_another_url_is_refused_before_anything_is_sent(
    home: Home, make_simulator: Callable[..., Simulator]
) -> None:
    home.run("sync")
    first, home.simulator = home.simulator, make_simulator(products=2, tests=3)
    for verb in ("sync", "run", "verify"):
        ended = home.run(verb, expect=2)
        assert first.base_url in ended.stderr
        assert "(from the environment)" in ended.stderr
        assert "TESTIO_DB_PATH" in ended.stderr
    assert home.simulator.requests() == []
    home.run("sync", "--nuke", "--yes")
    assert differences(home.database, home.simulator) == []


def test_a_token_of_another_account_ends_the_run(moved: Home) -> None:
    result = moved.json("sync", "--json", expect=2)
    assert [e["kind"] for e in result["errors"]] == ["wrong_account"]
    assert len(moved.simulator.requests()) == 1
    assert moved.sql("SELECT count(*) FROM products WHERE id = 555") == [(0,)]
    moved.run("sync", "--nuke", "--yes")
    assert moved.sql("SELECT id FROM products") == [(555,)]


def test_the_daemon_ends_with_status_2_and_says_why(moved: Home) -> None:
    ended = moved.run("run", expect=2)
    assert "wrong_account" in ended.stderr
    assert '"level": "critical"' in ended.stderr
    assert moved.sql("SELECT status FROM sync_runs ORDER BY id") == [("success",), ("failed",)]
    assert moved.sql("SELECT count(*) FROM products WHERE id = 555") == [(0,)]
