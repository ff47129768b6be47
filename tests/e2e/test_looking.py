"""What a person sees of a mirror: status on a screen, runs, a backup that is put back, exports."""

from __future__ import annotations

import re
import sys

from tests.homes import Home
from tests.terminals import on_a_terminal


def on_terminal(home: Home, *words: str, rows: int = 24, columns: int = 80) -> str:
    """What a terminal of this size shows, without its colours."""
    environment = {name: v for name, v in home.environment.items() if name not in SIZES}
    command = [sys.executable, "-m", "cli.main", *words]
    with on_a_terminal(
        command, environment=environment, folder=home.folder, size=(rows, columns)
    ) as terminal:
        assert terminal.end() == 0, terminal.shown
    return terminal.shown


SIZES = ("COLUMNS", "LINES", "NO_COLOR")


def test_status_fits_the_screen(home: Home) -> None:
    home.simulator.add_fault(kind="status", status=404, path="*/features", times=1)
    home.run("sync", expect=3)
    for rows, columns in ((24, 80), (24, 60)):
        text = on_terminal(home, "status", rows=rows, columns=columns)
        screen = text.splitlines()
        (path,) = (line for line in screen if line.startswith("database"))
        assert max(len(line) for line in screen if line != path) <= columns, text
        assert len(screen) + len(path) // columns < rows, text
        assert [line for line in screen if line != line.rstrip()] == [], text
        assert "failed for" in screen[screen.index("Freshness, worst first") + 2], text


def test_a_run_at_work_and_a_killed_one_are_told_apart(home: Home) -> None:
    home.hang("*/features")
    daemon = home.daemon()
    home.wait_for_hang()
    home.wait_for(lambda: home.sql_count("products") == 5, "the products")
    document = home.json("runs", "show", "1", "--json")
    assert document["run"]["at_work"] is True
    assert document["phases"][-1]["outcome"] is None
    daemon.kill()
    daemon.communicate()
    killed = home.run("runs", "show", "1").stdout
    assert "run 1     killed" in killed
    assert "next      the next run tries again" in killed
    assert "run 1 was killed" in home.run("status").stdout


def test_a_backup_is_taken_beside_a_daemon_and_put_back(home: Home) -> None:
    home.settings["TESTIO_REFRESH_INTERVAL_SECONDS"] = "0"
    daemon = home.daemon()
    home.wait_for_run(1)
    copy = home.folder / "copy.db"
    said = on_terminal(home, "backup", str(copy), columns=200)
    assert re.search(r"copy\.db: [\d.]+ kB in [\d.]+ s, checked", said)
    daemon.kill()
    daemon.communicate()
    home.database.write_bytes(home.database.read_bytes()[:5_000])  # a disk that lost the rest
    for suffix in ("-wal", "-shm"):
        home.database.with_name(home.database.name + suffix).unlink(missing_ok=True)
    copy.rename(home.database)
    assert home.sql_count("tests") == 200
    product = home.simulator.account()["products"][0]["id"]
    home.simulator.mutate(action="add", kind="test", product_id=product)
    home.run("sync")
    assert home.sql_count("tests") == 201, "the mirror goes on from where the copy was"
    assert home.sql("PRAGMA journal_mode") == [("wal",)]
