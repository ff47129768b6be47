"""`sync --nuke` as a process: it asks first, and a kill on the way is harmless."""

from __future__ import annotations

import os

from tests.homes import Home
from tests.oracle import differences
from tests.terminals import open_terminal


def test_a_fresh_start_asks_first_and_then_replaces_all(home: Home) -> None:
    home.run("sync")
    gone = home.simulator.account()["tests"]
    product, rows = next(iter(gone.items()))
    home.simulator.mutate("delete", "test", id=rows[3]["id"])
    assert "--yes" in home.run("sync", "--nuke", expect=2).stderr
    assert home.sql("SELECT count(*) FROM sync_runs") == [(1,)]
    result = home.json("sync", "--nuke", "--yes", "--json")
    assert (result["status"], result["errors"]) == ("success", [])
    assert differences(home.database, home.simulator) == []
    assert home.sql("SELECT count(*) FROM tests WHERE product_id = ?", int(product)) == [(39,)]


def test_a_person_types_yes(home: Home) -> None:
    for answer, status in (("no\n", 130), ("yes\n", 0)):
        ours, theirs = open_terminal()
        process = home.start("sync", "--nuke", stdin=theirs)
        os.write(ours, answer.encode())
        assert "Type yes" in home.finish(process, expect=status).stderr
        os.close(ours)
        os.close(theirs)
    assert home.sql("SELECT id, status FROM sync_runs") == [(1, "success")]


def test_the_daemon_does_it_and_refuses_a_second_kind_meanwhile(home: Home) -> None:
    home.hang("*/exploratory_tests")
    home.daemon()
    home.wait_for_hang()
    waiting = home.start("sync", "--nuke", "--yes")
    home.wait_for(lambda: home.control.status().queued_run_id == 2, "the queue")
    busy = home.run("sync", "--force", expect=4)
    assert "wait alone" in busy.stderr
    home.simulator.clear_faults()
    home.run("cancel")
    home.finish(waiting)
    assert differences(home.database, home.simulator) == []
    home.run("stop")
