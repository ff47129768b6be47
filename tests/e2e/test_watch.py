"""`watch` and the bars of `sync` on a real terminal (tmux), and `watch` without one."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulator import Simulator
from tests.homes import Home
from tests.tools import needs_tool


@dataclass
class Terminal:
    """A tmux server of its own, with a shell in one window."""

    tmux: str
    socket: Path
    home: Home

    def tell(self, *words: str) -> str:
        command = [self.tmux, "-S", str(self.socket), "-f", os.devnull, *words]
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        return told.stdout

    def open(self, width: int, height: int) -> None:
        """A plain shell with the settings of the home."""
        keep = ("TESTIO_", "LOG_", "PYTHONPATH", "MAX_CONCURRENT")
        settings = {k: v for k, v in self.home.environment.items() if k.startswith(keep)}
        words = [f"{name}={value}" for name, value in settings.items()]
        shell = shlex.join(["env", *words, "PS1=$ ", "LC_ALL=C.UTF-8", "sh"])
        size = ("-x", str(width), "-y", str(height))
        self.tell("new-session", "-d", *size, "-c", str(self.home.folder), shell)

    def type(self, *words: str) -> None:
        """A command, as a person types it."""
        self.keys(shlex.join([sys.executable, "-m", "cli.main", *words]) + "; echo left with $?")
        self.keys("Enter")

    def keys(self, *keys: str) -> None:
        self.tell("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        self.tell("resize-window", "-x", str(width), "-y", str(height))

    @property
    def screen(self) -> str:
        """What a person sees."""
        return self.tell("capture-pane", "-p")

    def wait_for(self, *parts: str) -> str:
        """Wait until the screen shows all of this; the screen."""
        seen = [""]

        def shows() -> bool:
            seen[0] = self.screen
            return all(part in seen[0] for part in parts)

        try:
            self.home.wait_for(shows, f"a screen with {parts}")
        except BaseException:
            print(f"the screen was:\n{seen[0]}")
            raise
        return seen[0]


@pytest.fixture
def terminal(home: Home, tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmux=needs_tool("tmux"), socket=tmp_path / "tmux", home=home)
    yield made
    subprocess.run(
        [made.tmux, "-S", str(made.socket), "kill-server"], capture_output=True, check=False
    )


def test_the_screen_its_keys_and_a_daemon_that_comes_and_goes(
    home: Home, terminal: Terminal, make_simulator: Callable[..., Simulator]
) -> None:
    home.simulator = make_simulator(products=12, tests=20, latency_seconds=0.02)
    sick = home.simulator.account()["products"][3]
    home.simulator.add_fault(kind="status", status=403, path="*/features", product_id=sick["id"])
    home.settings = {"MAX_CONCURRENT_API_REQUESTS": "3"}
    terminal.open(80, 24)
    terminal.keys("echo before", "Enter")
    terminal.type("watch")
    terminal.wait_for("no daemon runs on this database", "nothing was synced into", "q quit")
    daemon = home.daemon("--interval", "600")
    terminal.wait_for(f"pid {daemon.pid}", "in flight")
    terminal.wait_for("no run at work", "partial", "forbidden: ", "11 of 12")
    assert f"features of product {sick['id']} ({sick['name']}) not complete" in terminal.screen
    hanging = home.hang("*/exploratory_tests")
    terminal.keys("s")
    terminal.wait_for(
        "run 2 by cli", "1/1  done", "12/12  done  1 not complete", "0/12", "worker-3"
    )
    terminal.resize(120, 40)
    assert len(terminal.wait_for("run 2 by cli", " " * 50 + "next run in").splitlines()) == 40
    terminal.resize(60, 15)
    assert len(terminal.wait_for("run 2 by cli", "worker-1").splitlines()) == 15
    terminal.resize(80, 24)
    terminal.keys("c")
    terminal.wait_for("cancel run 2? y/n")
    terminal.keys("n")
    terminal.wait_for("nothing was cancelled")
    terminal.keys("c")
    terminal.wait_for("cancel run 2? y/n")
    terminal.keys("y")
    assert home.wait_for_run(2) == "cancelled"
    terminal.wait_for("no run at work", "cancelled")
    home.simulator.remove_fault(hanging)
    terminal.keys("p")
    terminal.wait_for("UTC\nno run at work", "  paused\n")
    terminal.keys("?")
    terminal.wait_for("leave; the daemon goes on")
    terminal.keys("?")
    home.run("stop")
    home.finish(daemon)
    terminal.wait_for("no daemon runs on this database", "partial")
    daemon = home.daemon("--interval", "600")
    terminal.wait_for(f"pid {daemon.pid}", "  paused\n")
    terminal.keys("p")
    terminal.wait_for("next run in")
    terminal.keys("q")
    shown = terminal.wait_for("before", "left with 0")
    assert "q quit" not in shown, "what was there before is there again"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_terminal_as_it_was(
    home: Home, terminal: Terminal, number: signal.Signals
) -> None:
    terminal.open(80, 24)
    terminal.type("watch")
    terminal.wait_for("q quit")
    if number is signal.SIGINT:
        terminal.keys("C-c")
    else:
        shell = terminal.tell("display", "-p", "#{pane_pid}").strip()
        children = subprocess.run(
            [needs_tool("ps"), "--ppid", shell, "-o", "pid="],
            capture_output=True,
            text=True,
            check=True,
        )
        os.kill(int(children.stdout), number)
    terminal.wait_for("left with 130")
    terminal.keys("stty -a | grep -c ' icanon.* echo '", "Enter")
    terminal.wait_for("\n1\n")


def test_the_bars_of_a_sync(
    home: Home, terminal: Terminal, make_simulator: Callable[..., Simulator]
) -> None:
    home.simulator = make_simulator(products=8, tests=20, latency_seconds=0.02)
    sick = home.simulator.account()["products"][3]
    home.simulator.add_fault(kind="status", status=403, path="*/features", product_id=sick["id"])
    home.settings = {"MAX_CONCURRENT_API_REQUESTS": "1"}
    terminal.open(80, 24)
    terminal.type("sync")
    terminal.wait_for("new_tests ━", " left")
    terminal.wait_for("left with 3", "8/8", "1 not complete")
    daemon = home.daemon()
    terminal.keys("clear", "Enter")
    terminal.type("sync")
    terminal.wait_for(
        " in the daemon",
        f"features: product {sick['id']} {sick['name']} failed: forbidden: ",
        "left with 3",
        "8/8",
    )
    lines = home.run("sync", expect=3).stderr.splitlines()
    assert [line.partition(" failed: ")[0] for line in lines[1:]] == [
        "products: begun, 1 to do",
        "products: done, 1 of 1",
        "features: begun, 8 to do",
        f"features: product {sick['id']} {sick['name']}",
        "features: done, 7 of 8, 1 not complete",
        "new_tests: begun, 8 to do",
        "new_tests: done, 8 of 8",
    ], "without a terminal: in order"
    home.run("stop")
    home.finish(daemon)


def test_lines_where_there_is_no_terminal(home: Home) -> None:
    watcher = home.start("watch")
    assert watcher.stdout is not None
    lines = iter(watcher.stdout.readline, "")
    assert next(lines) == "no daemon answers\n"
    sick = home.simulator.account()["products"][1]
    home.simulator.add_fault(kind="status", status=403, path="*/features", product_id=sick["id"])
    daemon = home.daemon()
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        if "  run 1  partial after " in line:
            break
    shown = "".join(seen)
    for part in (
        f"daemon with pid {daemon.pid}, version ",
        "  run 1  begun by startup\n",
        "  run 1  features  begun, 5 to do\n",
        f"  run 1  features  product {sick['id']} {sick['name']} failed: forbidden: ",
        "  run 1  new_tests  complete after ",
    ):
        assert part in shown, f"{part!r} was not printed:\n{shown}"
    daemon.kill()
    assert next(lines) == "no daemon answers\n"
    watcher.send_signal(signal.SIGTERM)
    assert home.finish(watcher, expect=130).stderr == ""
