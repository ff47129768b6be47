"""A damaged database in the hands of real commands and a real daemon, and its rebuild."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests import damage
from tests.damage import PAGE, contents
from tests.homes import Home
from tests.oracle import differences

READERS = (
    ("status",),
    ("tests",),
    ("events",),
    ("verify",),
    ("health",),
    ("check", "--offline"),
    ("backup", "copy.db"),
    ("browse", "--no-open"),
)


def lose_the_tables(home: Home) -> None:
    """All pages but those of the schema become zeros."""
    size = home.database.stat().st_size
    with home.database.open("r+b") as file:
        file.seek(4 * PAGE)
        file.write(bytes(size - 4 * PAGE))


def has_hook(home: Home) -> Path:
    """What the owner is told goes into this file."""
    told, hook = home.folder / "told", home.folder / "hook"
    hook.write_text(f'#!/bin/sh\ncat >> "{told}"\n')
    hook.chmod(0o755)
    home.settings["TESTIO_NOTIFY_COMMAND"] = str(hook)
    return told


def test_damage_at_rest(home: Home) -> None:
    told = has_hook(home)
    home.run("sync")
    said = damage.overwrite_header(home.database, random.Random(1))
    before = contents(home.database)
    for words in READERS:
        ended = home.run(*words, expect=9)
        text = ended.stdout + ended.stderr
        assert "testio-sync rebuild" in " ".join(text.split()), f"{words} after: {said}\n{text}"
    for words in (("sync",), ("sync", "--dry-run")):
        assert "left as it is" in home.run(*words, expect=9).stderr
    assert "database_damaged" in home.run("run", expect=9).stderr
    assert "gave_up" in told.read_text()
    assert contents(home.database) == before
    assert "without a terminal it needs --yes" in home.run("rebuild", expect=2).stderr
    dry = home.json("rebuild", "--dry-run", "--json")
    assert dry["run"] is None
    assert dry["tables"]["tests"]["saved"] > 0
    assert contents(home.database) == before
    came = home.json("rebuild", "--yes", "--json")
    assert came["run"]["status"] == "success"
    assert Path(came["set_aside"]).read_bytes() == before["testio.db"]
    assert differences(home.database, home.simulator) == []


def test_damage_under_a_daemon(home: Home) -> None:
    """It stops in order and writes nothing any more; a rebuild is refused until it has."""
    told = has_hook(home)
    daemon = home.daemon()
    home.wait_for_run(1)
    assert "daemon" in home.run("rebuild", "--yes", expect=4).stderr
    lose_the_tables(home)
    home.start("sync")
    ended = home.finish(daemon, expect=9)
    critical = [json.loads(line) for line in ended.stderr.splitlines() if "critical" in line]
    assert [line["event"] for line in critical] == ["database_damaged"]
    assert critical[0]["todo"] == "testio-sync rebuild"
    assert "gave_up" in told.read_text()
    damaged = contents(home.database)
    ended = home.run("rebuild", "--yes")
    assert "lost: " in ended.stderr
    (kept,) = home.folder.glob("testio.db.damaged-*Z")
    assert list(contents(kept).values()) == list(damaged.values())
    assert differences(home.database, home.simulator) == []
    assert "nothing to rebuild" in home.run("rebuild", "--yes", expect=2).stderr


def test_without_the_remote_the_new_database_claims_nothing(home: Home) -> None:
    home.run("sync")
    damage.not_sqlite(home.database, random.Random(1))
    home.simulator.add_fault(kind="status", status=500)
    ended = home.run("rebuild", "--yes", expect=None)
    assert ended.returncode in (1, 3), ended.stderr
    assert home.sql("SELECT count(*) FROM freshness WHERE current_as_of IS NOT NULL") == [(0,)]
    home.simulator.clear_faults()
    home.run("sync")
    assert differences(home.database, home.simulator) == []
