"""A database is the file, not its path: whichever path names it, one process writes."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.homes import Home


def unshare() -> list[str] | None:
    """What gives a command mounts of its own; None where this user may not."""
    tool = shutil.which("unshare")
    words = [tool or "", "--mount", "--propagation", "private"]
    if tool is None or os.geteuid() != 0:
        return None
    return words if subprocess.run([*words, "true"], check=False).returncode == 0 else None


@pytest.fixture
def link(home: Home) -> Path:
    """A symbolic link to the database, in another folder."""
    path = home.folder / "elsewhere" / "link.db"
    path.parent.mkdir()
    path.symlink_to(home.database)
    return path


def test_a_sync_by_a_link_is_done_by_the_daemon_of_the_file(home: Home, link: Path) -> None:
    home.daemon()
    assert home.wait_for_run(1) == "success"
    assert home.json("sync", "--db", str(link), "--json")["run_id"] == 2
    assert home.json("sync", "--nuke", "--yes", "--db", str(link), "--json")["status"] == "success"
    second = home.run("run", "--db", str(link), expect=4)
    assert "daemon with pid" in second.stderr
    statuses = {row[0] for row in home.sql("SELECT status FROM sync_runs")}
    assert statuses == {"success"}, "nobody has ended the daemon's runs"
    beside = sorted(path.name for path in link.parent.iterdir())
    assert beside == ["link.db"], "all that belongs to the database is beside the file"
    home.run("stop", "--db", str(link))


def test_a_first_sync_by_a_dangling_link_makes_all_beside_the_file(home: Home, link: Path) -> None:
    home.run("sync", "--db", str(link))
    assert home.database.is_file()
    assert home.lock_file.is_file()
    assert [path.name for path in link.parent.iterdir()] == ["link.db"]
    backup = home.run("backup", "--db", str(link), "--force", str(home.lock_file), expect=2)
    assert "belongs to the database itself" in backup.stderr


def test_a_second_one_shot_by_a_link_waits_for_the_first(home: Home, link: Path) -> None:
    home.hang()
    home.start("sync")
    home.wait_for_hang()
    home.settings["TESTIO_LOCK_WAIT_SECONDS"] = "1"
    assert "one-shot with pid" in home.run("sync", "--db", str(link), expect=4).stderr


def test_a_hard_link_is_refused_and_check_says_so(home: Home) -> None:
    home.run("sync")
    os.link(home.database, home.folder / "other.db")
    for name in ("testio.db", "other.db"):
        refused = home.run("sync", "--db", str(home.folder / name), expect=6)
        assert "2 hard links" in refused.stderr
        assert "2 hard links" in home.run("check", "--db", name, "--offline", expect=None).stdout
    assert not (home.folder / "other.db.lock").exists()
    (home.folder / "other.db").unlink()
    home.run("sync")


def test_a_file_that_is_mounted_over_another_is_refused(home: Home) -> None:
    tool = unshare()
    if tool is None:
        pytest.skip("mounts of its own need root and unshare")
    home.run("sync")
    other = home.folder / "mounted.db"
    other.touch()
    script = 'mount --bind "$1" "$2" && exec python -m cli.main sync --db "$2"'
    done = subprocess.run(
        [*tool, "sh", "-c", script, "sh", str(home.database), str(other)],
        env=home.environment | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        cwd=home.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert "is itself a mount point" in done.stderr
    assert not (home.folder / "mounted.db.lock").exists()


def test_a_run_whose_row_another_program_ends_does_not_hold_up_the_next(home: Home) -> None:
    fault = home.hang("*/exploratory_tests")
    home.daemon()
    home.wait_for_hang()
    with closing(sqlite3.connect(home.database, timeout=10)) as stranger, stranger:
        stranger.execute(
            "UPDATE sync_runs SET status = 'interrupted', completed_at = started_at,"
            " duration_seconds = 0"
        )
    home.simulator.remove_fault(fault)
    home.run("cancel")
    home.wait_for(lambda: home.control.status().current_run is None, "the end of the run")
    assert home.json("sync", "--json")["status"] == "success"
    assert home.sql("SELECT id, status FROM sync_runs ORDER BY id") == [
        (1, "interrupted"),
        (2, "success"),
    ]


SEVERAL = (
    ("status",),
    ("health",),
    ("sync",),
    ("sync", "--nuke", "--yes"),
    ("sync", "--dry-run"),
    ("tests", "--max-age", "0"),
    ("products", "--max-age", "0"),
    ("reload",),
    ("pause",),
    ("resume",),
    ("events",),
    ("runs",),
    ("check", "--offline"),
    ("verify",),
    ("backup", "copy.db"),
    ("export", "--to", "exported/"),
)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the kernel tells no locks here")
def test_the_daemon_keeps_the_kernels_locks_whatever_verb_is_run(home: Home) -> None:
    daemon = home.daemon()
    assert home.wait_for_run(1) == "success"
    inode = str(home.database.stat().st_ino)

    def locks() -> int:
        words = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        ours = [w for w in words if w[1] == "POSIX" and w[4] == str(daemon.pid)]
        return sum(w[5].rsplit(":", 1)[1] == inode for w in ours)

    assert locks() == 1
    (home.folder / "exported").mkdir()
    for verb in SEVERAL:
        home.run(*verb)
        assert locks() == 1, verb
