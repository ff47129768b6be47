"""testio-sync as its users start it: real processes, with an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control.client import ControlClient
from control.errors import ControlError, NoDaemon
from control.paths import socket_path
from control.views import StatusReply
from tests.benchmarks.bounded import ROOT, NoResult, end
from tests.benchmarks.remote import Remote

LONGEST = 60.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Installation:
    """A folder with a database, and the remote that it mirrors."""

    folder: Path
    remote: Remote

    @property
    def database(self) -> Path:
        return self.folder / "testio.db"

    @property
    def control(self) -> ControlClient:
        return ControlClient(socket_path(self.database))

    def seconds_of(self, *words: str) -> float:
        """How long a whole process takes, from its start to its end. Raises NoResult."""
        began = time.perf_counter()
        with self._start(*words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                process.wait(LONGEST)
            except subprocess.TimeoutExpired:
                process.kill()
                raise NoResult(f"{words[0]} did not end within {LONGEST:g} s") from None
        if process.returncode != 0:
            raise NoResult(f"{words[0]}: exit status {process.returncode}")
        return time.perf_counter() - began

    @contextmanager
    def daemon(self) -> Iterator[int]:
        """A daemon for the length of the block: its pid. Its log goes to no place."""
        with self._start("run", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield process.pid
                if process.poll() is not None:
                    raise NoResult(f"the daemon ended by itself, with status {process.returncode}")
            finally:
                end(process)

    def tells(self, holds: Callable[[StatusReply], bool]) -> bool:
        """Whether a daemon answers, and tells that it is so."""
        try:
            return holds(self.control.status())
        except (NoDaemon, ControlError):
            return False

    def _start(self, *words: str, **streams: Any) -> subprocess.Popen[bytes]:
        mine = {
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "TESTIO_CUSTOMER_API_BASE_URL": self.remote.url,
            "TESTIO_CUSTOMER_API_TOKEN": self.remote.token,
            "TESTIO_DB_PATH": str(self.database),
        }
        others = {name: os.environ[name] for name in os.environ if not name.startswith("TESTIO_")}
        return subprocess.Popen([*program(), *words], env=others | mine, cwd=self.folder, **streams)


def wait_until(holds: Callable[[], bool], what: str, seconds: float = LONGEST) -> None:
    """Wait until something is so. Raises NoResult."""
    give_up_at = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > give_up_at:
            raise NoResult(f"{what} did not happen within {seconds:g} s")
        time.sleep(POLL_SECONDS)


def program() -> list[str]:
    """The script beside this Python, as installed; else the module that it calls."""
    script = Path(sys.executable).with_name("testio-sync")
    return [str(script)] if script.exists() else [sys.executable, "-m", "cli.main"]
