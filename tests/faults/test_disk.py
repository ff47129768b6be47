"""A disk that is full: the command ends with a sentence, the daemon says so and catches up."""

from __future__ import annotations

import subprocess
import sys

from tests.homes import Home

LIMIT = 300 * 1024
"""Bytes that a file may have in these tests: as good as a full disk, without being root."""


def test_a_sync_on_a_full_disk_ends_and_says_why(home: Home) -> None:
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({LIMIT}, {LIMIT}))\n"
        "from cli.main import main\n"
        "sys.exit(main(['sync']))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env=home.environment,
        cwd=home.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode in (1, 3, 6), ended.stderr
    assert "Traceback" not in ended.stderr, ended.stderr
    home.run("sync")
    assert home.sql("PRAGMA integrity_check") == [("ok",)]
    assert home.sql("SELECT count(*) FROM sync_runs WHERE status = 'running'") == [(0,)]


def test_the_limit_of_these_tests_is_below_what_a_sync_needs(home: Home) -> None:
    home.run("sync")
    assert home.database.stat().st_size > LIMIT
