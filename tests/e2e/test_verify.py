"""The mirror held against the live account from the command line, beside a daemon."""

from __future__ import annotations

from contextlib import closing

from storage.engine.database import Database
from tests.databases import migrated
from tests.homes import Home


def test_verifying_beside_a_daemon(home: Home) -> None:
    home.daemon()
    assert home.wait_for_run(1) == "success"
    assert home.run("verify").stdout == (
        "225 rows compared, 0 differences explained, 0 unexplained\n"
    )
    lost = home.sql("SELECT min(id) FROM tests")[0][0]
    with closing(Database(home.database)) as database, database.transaction() as connection:
        connection.execute("DELETE FROM tests WHERE id = ?", (lost,))
    report = home.json("verify", "--json", expect=3)
    assert [difference["id"] for difference in report["differences"]] == [lost]
    assert report["unexplained"] == 1
    home.simulator.revoke_token()
    assert "401" in home.run("verify", expect=5).stderr


def test_there_is_nothing_to_verify(home: Home) -> None:
    assert "no database" in home.run("verify", expect=6).stderr
    assert home.simulator.requests() == []
    migrated(home.database).close()
    home.simulator.add_fault(kind="status", status=404, path="/products")
    assert "the product list cannot be read" in home.run("verify", expect=1).stderr
