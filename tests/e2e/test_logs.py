"""`logs` finds the daemon's log wherever it goes, and follows it; as real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

from tests.homes import Home, Process


def start_daemon(home: Home, stderr: IO[Any] | int, **more: str) -> subprocess.Popen[str]:
    """A daemon whose stderr goes there, without periodic runs; returns when it answers."""
    daemon = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "run", "--interval", "0"],
        env=home.environment | more,
        cwd=home.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        text=True,
    )
    home.started.append(daemon)
    home.wait_for(home.answers, "an answer of the daemon")
    return daemon


def stop(home: Home, daemon: Process) -> None:
    home.run("stop")
    assert daemon.wait(timeout=10) == 0


def test_a_file_that_stderr_goes_to(home: Home) -> None:
    sick = home.simulator.account()["products"][1]["id"]
    home.simulator.add_fault(kind="status", status=403, path="*/features", product_id=sick)
    log = home.folder / "daemon.log"
    assert "start one with" in home.run("logs", expect=7).stderr
    with log.open("w") as file:
        daemon = start_daemon(home, file)
    home.wait_for_run(1)
    places = [home.json(verb, "--json")["daemon"]["log"] for verb in ("status", "health")]
    assert places == [{"place": "file", "name": str(log)}] * 2
    failed = ("logs", "--product", str(sick), "--level", "warning", "--run", "1")
    line = json.loads(home.run(*failed).stdout)
    assert (line["event"], line["product_id"]) == ("product_failed", sick)
    assert f"product_failed  run 1 features product {sick}" in home.run(*failed, "--pretty").stdout
    with log.open("a") as file:
        file.write("Segmentation fault\x1b[2J\n")
    last = home.run("logs", "--json", "--lines", "1").stdout
    assert json.loads(last) == {"event": "Segmentation fault\x1b[2J"}
    log.rename(home.folder / "renamed.log")
    assert "Segmentation" in home.run("logs", "--lines", "1").stdout, "the daemon still has it"
    stop(home, daemon)
    (home.folder / "renamed.log").rename(log)
    assert "daemon_stopped" in home.run("logs", "--lines", "1").stdout, "the last known place"


def test_a_log_file_that_is_rotated_under_its_reader(home: Home) -> None:
    log = home.folder / "logs" / "a.log"
    home.settings["LOG_FILE"] = str(log)
    follower = home.start("logs", "--follow", "--lines", "1")
    assert follower.stdout is not None
    assert follower.stderr is not None
    assert "waiting for" in follower.stderr.readline()
    daemon = home.daemon("--interval", "0")
    home.wait_for_run(1)
    shown = follower.stdout.readline()  # it has the file; one that comes and goes between two
    log.rename(log.with_suffix(".1"))  # looks nobody could follow
    home.run("sync")
    stop(home, daemon)
    written = log.with_suffix(".1").read_text() + log.read_text()
    while "daemon_stopped" not in shown:
        shown += (line := follower.stdout.readline())
        assert line, f"the follower ended: {shown}"
    assert shown == written, "every line of both files once, in order"
    follower.send_signal(signal.SIGINT)
    home.finish(follower, expect=130)


def test_the_journal_is_read_by_its_program(home: Home, tmp_path: Path) -> None:
    """A stand-in for journalctl: which lines it is asked for, and what becomes of them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "journalctl"
    lines = ['{"event": "one", "level": "info"}', '{"event": "two", "level": "error"}', "Started."]
    follows = 'case "$*" in *--follow*) echo three; exec sleep 60;; esac'
    program.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/asked\n', "utf-8")
    with program.open("a") as script:
        script.writelines(f"echo '{line}'\n" for line in lines)
        script.write(follows + "\n")
    program.chmod(0o755)
    home.settings["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    ours, theirs = os.pipe()
    info = os.fstat(theirs)
    daemon = start_daemon(home, theirs, JOURNAL_STREAM=f"{info.st_dev}:{info.st_ino}")
    os.close(theirs)
    assert home.run("logs").stdout.splitlines() == lines
    errors = home.run("logs", "--level", "error", "--lines", "2").stdout.splitlines()
    assert errors == lines[1:]
    follower = home.start("logs", "--follow")
    assert follower.stdout is not None
    assert [follower.stdout.readline() for _ in range(4)][-1] == "three\n"
    follower.send_signal(signal.SIGTERM)
    home.finish(follower, expect=130)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert "--output=cat --no-pager" in asked[0]
    assert asked[0].endswith("--lines=50")
    assert asked[1].endswith("--lines=all")
    assert asked[2].endswith("--follow")
    os.close(ours)
    daemon.kill()
    daemon.wait(timeout=10)


def test_a_log_that_cannot_be_read_here(home: Home) -> None:
    daemon = home.daemon("--interval", "0")
    refused = home.run("logs", expect=1).stderr
    assert f"the daemon with pid {daemon.pid} goes into a pipe" in refused
    assert "LOG_FILE=daemon.log" in refused
    home.run("stop")
    home.finish(daemon)
    assert "--level: expected one of debug" in home.run("logs", "--level", "loud", expect=2).stderr
