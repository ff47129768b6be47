"""`sync --dry-run` as a process: beside a daemon, and nothing is written."""

from __future__ import annotations

from pathlib import Path

from tests.homes import Home


def temporary(home: Home) -> Path:
    """From now on commands have a temporary folder of their own."""
    folder = home.folder.with_name("temporary")
    folder.mkdir()
    home.settings["TMPDIR"] = str(folder)
    return folder


def test_beside_a_daemon_it_tells_and_changes_nothing(home: Home) -> None:
    home.daemon("--interval", "0")
    assert home.wait_for_run(1) == "success"
    folder = temporary(home)
    account = home.simulator.account()
    product = account["products"][0]["id"]
    changed = account["tests"][str(product)][2]["id"]
    home.simulator.mutate("change", "test", id=changed, fields={"title": "renamed"})
    home.simulator.mutate("add", "test", product_id=product, id=77, fields={"title": "late"})
    before = (home.sql("SELECT * FROM tests"), home.sql("SELECT * FROM sync_runs"))
    size = home.database.stat().st_size
    shown = home.run("sync", "--dry-run", "--verbose").stdout
    assert "nothing was written" in shown
    assert f"tests {changed} changed: title\n" in shown
    assert "tests 77 new: late\n" in shown
    document = home.json("sync", "--dry-run", "--json")
    assert document["changes"]["tests"] | {"gone": 0} == {
        "new": 1,
        "changed": 1,
        "gone": 0,
        "revived": 0,
        "held": 0,
    }
    assert "rows" not in document
    after = (home.sql("SELECT * FROM tests"), home.sql("SELECT * FROM sync_runs"))
    assert after == before
    assert home.database.stat().st_size == size
    assert [*folder.iterdir()] == []
    home.run("stop")


def test_the_file_keeps_its_bytes(home: Home) -> None:
    home.run("sync")
    folder = temporary(home)
    before = {f.name: f.read_bytes() for f in home.folder.iterdir() if f.is_file()}
    sick = home.simulator.account()["products"][2]["id"]
    home.simulator.add_fault(kind="status", status=404, product_id=sick, path="*/features")
    ended = home.run("sync", "--dry-run", expect=3)
    assert f"product {sick}" in ended.stdout
    after = {f.name: f.read_bytes() for f in home.folder.iterdir() if f.is_file()}
    assert before.items() <= after.items()
    assert after.get("testio.db-wal", b"") == b"", "every reader leaves its empty files"
    assert [*folder.iterdir()] == []


def test_before_the_first_sync(home: Home) -> None:
    folder = temporary(home)
    document = home.json("sync", "--dry-run", "--json", "--verbose")
    assert document["changes"]["tests"]["new"] == 200
    assert len(document["rows"]) == sum(n for c in document["changes"].values() for n in c.values())
    assert [*home.folder.iterdir()] == []
    assert [*folder.iterdir()] == []
