"""What a person sees of a mirror: status on a screen, runs, a backup that is put back, exports."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from tests.homes import Home

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(home: Home, *words: str, rows: int = 24, columns: int = 80) -> list[str]:
    """What a terminal of this size shows, without its colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = home.environment | {"TERM": "xterm"}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *words],
        env=environment,
        cwd=home.folder,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65_536):
            shown += part
    except OSError:
        pass  # how a terminal says that the other side has gone
    finally:
        os.close(ours)
    assert process.wait(30) == 0
    return ESCAPES.sub("", shown.decode()).replace("\r\n", "\n").splitlines()


def test_status_fits_the_screen(home: Home) -> None:
    home.simulator.add_fault(kind="status", status=404, path="*/features", times=1)
    home.run("sync", expect=3)
    for rows, columns in ((24, 80), (24, 60)):
        screen = on_terminal(home, "status", rows=rows, columns=columns)
        text = "\n".join(screen)
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
    said = home.run("backup", str(copy)).stdout
    assert re.search(r"copy\.db: [\d.]+ kB in [\d.]+ s, checked", said)
    account = home.simulator.account()
    product = account["products"][0]["id"]
    home.simulator.mutate(action="add", kind="test", product_id=product)
    home.run("sync")
    assert home.sql_count("tests") == 201
    home.run("stop")
    home.finish(daemon)
    for suffix in ("-wal", "-shm"):
        home.database.with_name(home.database.name + suffix).unlink(missing_ok=True)
    copy.rename(home.database)
    assert home.sql_count("tests") == 200
    home.run("sync")
    assert home.sql_count("tests") == 201, "the mirror goes on from where the copy was"
    assert home.sql("PRAGMA journal_mode") == [("wal",)]
