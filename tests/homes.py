"""Real processes: the command line as a person types it, in a home of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from control.client import ControlClient
from control.errors import ControlError, NoDaemon
from control.paths import socket_path
from simulator import Simulator
from storage.engine.lock_holder import lock_path
from tests.launcher import Launched, launch
from tests.log_lines import undeclared

TIMEOUT = 30.0
MARK = "TESTIO_TEST_HOME"
"""In the environment of every process that was started in a home, and of theirs."""
Process = Launched | subprocess.Popen[str]


@dataclass
class Home:
    """One installation: its database, its environment, its processes."""

    folder: Path
    simulator: Simulator
    settings: dict[str, str] = field(default_factory=dict)
    started: list[Process] = field(default_factory=list)

    @property
    def mark(self) -> str:
        """What tells the processes of this home from all others."""
        return str(self.folder)

    @property
    def token(self) -> str:
        """What its processes are given."""
        return self.settings.get("TESTIO_CUSTOMER_API_TOKEN", self.simulator.token)

    @property
    def database(self) -> Path:
        return self.folder / "testio.db"

    @property
    def control(self) -> ControlClient:
        return ControlClient(socket_path(self.database))

    @property
    def lock_file(self) -> Path:
        return lock_path(self.database)

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if name != "CREDENTIALS_DIRECTORY"
        }
        return kept | {
            "TESTIO_CUSTOMER_API_BASE_URL": self.simulator.base_url,
            "TESTIO_CUSTOMER_API_TOKEN": self.simulator.token,
            "TESTIO_DB_PATH": str(self.database),
            "LOG_FORMAT": "json",
            MARK: self.mark,
            "PYTHONPATH": str(Path(__file__).parents[1]),
            **self.settings,
        }

    def start(
        self,
        *words: str,
        stdin: int = subprocess.DEVNULL,
        inside: str | None = None,
    ) -> Launched:
        """Start a command; it is ended with the test. The rest: see `tests.launcher.launch`."""
        process = launch(
            list(words),
            env=self.environment,
            cwd=self.folder,
            stdin=stdin,
            inside=inside,
        )
        self.started.append(process)
        return process

    def run(self, *words: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; fails with its whole output if the status is not expected."""
        return self.finish(self.start(*words), expect)

    def finish(
        self, process: Process, expect: int | None = 0, timeout: float = TIMEOUT
    ) -> subprocess.CompletedProcess[str]:
        """Wait for a command's end."""
        out, err = process.communicate(timeout=timeout)
        assert process.returncode is not None
        assert expect is None or process.returncode == expect, (
            f"{process.args!r} ended with {process.returncode}, expected {expect}\n"
            f"--- stdout\n{out}\n--- stderr\n{err}"
        )
        assert "Traceback" not in err or expect is None, err
        flaws = undeclared(err)
        assert flaws == [], f"declare it in config/log_events.py: {flaws}"
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def json(self, *words: str, expect: int | None = 0) -> Any:
        """Run a command that prints JSON."""
        return json.loads(self.run(*words, expect=expect).stdout)

    def daemon(self, *words: str) -> Launched:
        """Start the daemon; returns when its socket answers."""
        process = self.start("run", *words)
        give_up_at = time.monotonic() + TIMEOUT
        while not self.answers():
            if process.poll() is not None or time.monotonic() > give_up_at:
                process.kill()
                pytest.fail(f"the daemon did not start:\n{process.communicate()[1]}")
            time.sleep(0.02)
        return process

    def answers(self) -> bool:
        """Whether a daemon answers on the socket."""
        try:
            self.control.status()
        except (NoDaemon, ControlError):
            return False
        return True

    def sql(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What a reader of the file sees."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def sql_count(self, table: str) -> int:
        """How many rows a table has; 0 while there is no such table yet."""
        try:
            return int(self.sql(f"SELECT count(*) FROM {table}")[0][0])
        except sqlite3.OperationalError:
            return 0

    def wait_for(self, holds: Callable[[], bool], what: str) -> None:
        """Wait until something is so."""
        give_up_at = time.monotonic() + TIMEOUT
        while not holds():
            if time.monotonic() > give_up_at:
                pytest.fail(f"{what} did not happen within {TIMEOUT} s")
            time.sleep(0.02)

    def wait_for_run(self, run_id: int) -> str:
        """Wait for a run's end; its status."""

        def status() -> str | None:
            try:
                found = self.sql("SELECT status FROM sync_runs WHERE id = ?", run_id)
            except sqlite3.OperationalError:
                return None
            return found[0][0] if found and found[0][0] != "running" else None

        self.wait_for(lambda: status() is not None, f"the end of run {run_id}")
        return status() or ""

    def hang(self, path: str = "*") -> int:
        """From now on the remote never answers."""
        return self.simulator.add_fault(kind="hang", path=path)

    def wait_for_hang(self) -> None:
        """Wait until a request hangs."""
        before = len(self.simulator.requests())
        self.wait_for(
            lambda: (
                len(self.simulator.requests()) > before
                or any(request.status is None for request in self.simulator.requests())
            ),
            "a request that hangs",
        )


def end_all(home: Home) -> None:
    """End whatever was started in it and still runs."""
    for process in home.started:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def home(tmp_path: Path, simulator: Simulator) -> Iterator[Home]:
    made = Home(folder=tmp_path / "home", simulator=simulator)
    made.folder.mkdir()
    yield made
    end_all(made)
