"""Decisions on the command line, with and without a daemon."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from rules.model import Kind
from rules.records import BadRow, HeldSet, HoleRecord, Page
from storage.database import Database
from storage.mirror_rows import MirrorRows
from tests.homes import Home

BAD = BadRow(position=9, record_id=77, reason="id is text", excerpt="{}", fingerprint="f")
HOLE = HoleRecord(position=213, before_id=5011, after_id=5013)
EVENTS = "SELECT event FROM sync_events WHERE event IN ('deletions_accepted', 'problem_cleared')"


def something_to_decide(home: Home) -> tuple[int, int]:
    """A synced mirror where one test is held, and two records could not be read."""
    home.run("sync", "--phases", "products", "new_tests")
    product, test = home.sql("SELECT product_id, id FROM tests ORDER BY id LIMIT 1")[0]
    page = Page(
        product_id=product,
        kind=Kind.TESTS,
        bad_rows=(BAD,),
        holes=(HOLE,),
        held=HeldSet(ids=(test,), of_rows=40, reason="the remote lists 1 fewer"),
    )
    with closing(Database(home.database)) as database:
        MirrorRows(database).store_page(page, run_id=1, at=datetime.now(UTC))
    return product, test


def deleted(home: Home) -> list[int]:
    return [row[0] for row in home.sql("SELECT id FROM tests WHERE deleted_at IS NOT NULL")]


def test_decisions_without_a_daemon(home: Home) -> None:
    product, test = something_to_decide(home)
    assert "marked as deleted: 1" in home.run("deletions", "accept", "1").stdout
    assert deleted(home) == [test]
    assert "under the id 2" in home.run("deletions", "accept", "2", expect=2).stderr
    assert "it returns if it is met again" in home.run("problems", "clear", "2").stdout
    assert sorted(home.sql(EVENTS)) == [("deletions_accepted",), ("problem_cleared",)]
    assert "run 2: success" in home.run("problems", "retry").stdout
    ran = home.sql("SELECT scope, phases FROM sync_runs WHERE id = 2")
    assert ran == [(f'{{"product_ids": [{product}]}}', '["new_tests"]')]
    assert home.json("problems", "list", "--json") == {"failing": [], "records": []}


def test_decisions_by_the_daemon(home: Home) -> None:
    _, test = something_to_decide(home)
    home.settings["TESTIO_STARTUP_SYNC"] = "if-stale"
    home.daemon()
    assert "marked as deleted: 1" in home.run("deletions", "accept", "1").stdout
    assert deleted(home) == [test]
    assert "under the id 5" in home.run("deletions", "accept", "5", expect=2).stderr
    assert home.control.clear_problem(2).word == "cleared"
    home.wait_for(lambda: len(home.sql(EVENTS)) == 2, "both events")
    assert "run 2 started in the daemon" in home.run("problems", "retry", "1").stdout
    assert home.wait_for_run(2) == "success"


def test_where_nothing_is_mirrored_nothing_is_made(home: Home) -> None:
    assert "no database" in home.run("deletions", "accept", "1", expect=6).stderr
    assert not home.database.exists()
