"""Decisions on the command line, with and without a daemon."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from rules.model import Kind
from rules.records import BadRow, CursorMove, HoleRecord, Page, PendingDeletion
from storage.engine.times import as_text
from storage.writes.mirror_rows import MirrorRows
from tests.databases import migrated
from tests.fakes import a_test, product
from tests.homes import Home

BAD = BadRow(position=9, record_id=77, reason="id is text", excerpt="{}", fingerprint="f")
HOLE = HoleRecord(position=213, before_id=5011, after_id=5013)
EVENTS = "SELECT event FROM sync_events WHERE event IN ('deletions_accepted', 'problem_cleared')"
A_RUN = """
INSERT INTO sync_runs (id, status, trigger_source, started_at, completed_at, duration_seconds,
    phases, options)
VALUES (1, 'success', 'cli', :now, :now, 1.0, '[]', '{}')
"""


def something_to_decide(home: Home) -> int:
    """A mirror after a run where a test is held, and two records could not be read."""
    now = datetime.now(UTC)
    known: int = home.simulator.account()["products"][0]["id"]
    pages = (
        Page(
            product_id=0,
            kind=Kind.PRODUCTS,
            records=(product(known),),
            cursor=CursorMove(as_of=now),
        ),
        Page(
            product_id=known,
            kind=Kind.TESTS,
            records=(a_test(1, known), a_test(2, known)),
            bad_rows=(BAD,),
            holes=(HOLE,),
            pending=PendingDeletion(ids=(1,), of_rows=40, reason="the remote lists 1 fewer"),
        ),
    )
    with closing(migrated(home.database)) as database:
        for page in pages:
            MirrorRows(database).store_page(page, run_id=1, at=now)
        with database.transaction() as connection:
            connection.execute(A_RUN, {"now": as_text(now)})
    return known


def deleted(home: Home) -> list[int]:
    return [row[0] for row in home.sql("SELECT id FROM tests WHERE deleted_at IS NOT NULL")]


def test_decisions_without_a_daemon(home: Home) -> None:
    known = something_to_decide(home)
    assert "marked as deleted: 1" in home.run("deletions", "accept", "1").stdout
    assert deleted(home) == [1]
    assert "it returns if it is met again" in home.run("problems", "clear", "2").stdout
    assert sorted(home.sql(EVENTS)) == [("deletions_accepted",), ("problem_cleared",)]
    assert "run 2: success" in home.run("problems", "retry").stdout
    ran = home.sql("SELECT scope, phases FROM sync_runs WHERE id = 2")
    assert ran == [(f'{{"product_ids": [{known}]}}', '["new_tests"]')]
    assert home.sql("SELECT count(*) FROM quarantine WHERE resolved_at IS NULL") == [(0,)]


def test_decisions_by_the_daemon(home: Home) -> None:
    something_to_decide(home)
    home.settings["TESTIO_STARTUP_SYNC"] = "if-stale"
    home.daemon()
    assert "marked as deleted: 1" in home.run("deletions", "accept", "1").stdout
    assert deleted(home) == [1]
    assert "under the id 5" in home.run("deletions", "accept", "5", expect=2).stderr
    assert home.control.clear_problem(2).word == "cleared"
    home.wait_for(lambda: len(home.sql(EVENTS)) == 2, "both events")
    assert "run 2 started in the daemon" in home.run("problems", "retry", "1").stdout
    assert home.wait_for_run(2) == "success"
