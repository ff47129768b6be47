"""Started with streams closed, interrupted at once, mistyped: never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import main
from tests.homes import Home

PROGRAM = f"{sys.executable} -m cli.main"


def shell(home: Home, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command.replace("testio-sync", PROGRAM)],
        env=home.environment,
        cwd=home.folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_daemon_needs_no_streams(home: Home) -> None:
    log = home.folder / "own.log"
    home.settings["LOG_FILE"] = str(log)
    home.settings["TESTIO_REFRESH_INTERVAL_SECONDS"] = "0"
    shell(home, "testio-sync run <&- >&- 2>&- &")
    home.wait_for(home.answers, "the daemon")
    assert home.wait_for_run(1) == "success"
    home.run("stop")
    home.wait_for(lambda: '"daemon_stopped"' in log.read_text(), "its last word")
    text = log.read_text()
    assert "Traceback" not in text
    assert home.sql("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_nobody_reads_is_no_failure(home: Home, closed: str) -> None:
    ended = shell(home, f"testio-sync status {closed}")
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr


def test_characters_that_the_terminal_lacks_make_no_traceback(home: Home) -> None:
    home.run("sync")
    home.settings["PYTHONIOENCODING"] = "ascii"
    for words in ("runs show 1", "status", "events"):
        ended = shell(home, f"testio-sync {words}")
        assert (ended.returncode, ended.stderr) == (0, "")


def test_ctrl_c_while_a_verb_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("importlib.import_module", interrupted)
    assert main(["sync"]) == 130


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sttus", "there is no verb 'sttus'; did you mean status?"),
        ("xyzzy", "there is no verb 'xyzzy'; `testio-sync --help` lists all verbs"),
    ],
)
def test_a_mistyped_verb_gets_its_nearest_one(home: Home, words: str, said: str) -> None:
    assert said in home.run(words, expect=2).stderr


def test_help_is_a_word_too(home: Home) -> None:
    assert "usage: testio-sync pause" in home.run("help", "pause").stdout
    assert "verbs:" in home.run("help").stdout


def test_ids_with_commas_or_apart(home: Home, tmp_path: Path) -> None:
    home.run("sync")
    ids = [str(product["id"]) for product in home.simulator.account()["products"][:2]]
    apart = home.json("products", "--product-ids", *ids, "--json")["rows"]
    joined = home.json("products", "--product-ids", ",".join(ids), "--json")["rows"]
    assert [row["id"] for row in joined] == [row["id"] for row in apart]
    assert len(joined) == 2
    assert "got 'x'" in home.run("products", "--product-ids", "18,x", expect=2).stderr
