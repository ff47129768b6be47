"""What people use today, timed on the same account: `python -m tests.benchmarks.peers`.

Each peer gets a virtual environment of its own in `.bench/`, made when it is first asked for. A
peer that hangs, fails or mirrors only a part is shown as that.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".bench"
OLDEST = (3, 12)
PYTHONS = ("python3.13", "python3.12", "python3.14", "python3", "python")
LONGEST_INSTALL = 900.0
LONGEST_SYNC = 300.0


class NotReady(Exception):
    """A peer cannot be installed; the message says what is missing."""


class NoResult(Exception):
    """A sync has failed or taken too long; the message says which."""


@dataclass(frozen=True)
class Contestant:
    """A program to time; its command lacks only `--url --token --folder --connections`."""

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Sync:
    """One sync: its seconds, the process's peak, the rows mirrored and the requests it took."""

    seconds: float
    peak_mb: float
    rows: int
    requests: int


def peers() -> list[Contestant]:
    """All peers, ready or not; dlt as it comes, and with the options that help it most."""
    sqlite, duckdb = (("--destination", name) for name in ("sqlite", "duckdb"))
    return [
        _peer("testio-mcp -> SQLite", "testio-mcp", "testio_mcp_sync.py"),
        _peer("dlt -> SQLite", "dlt", "dlt_sync.py", *sqlite),
        _peer("dlt -> SQLite, tuned", "dlt", "dlt_sync.py", *sqlite, "--tuned"),
        _peer("dlt -> DuckDB", "dlt", "dlt_sync.py", *duckdb),
        _peer("dlt -> DuckDB, tuned", "dlt", "dlt_sync.py", *duckdb, "--tuned"),
    ]


def _peer(name: str, environment: str, script: str, *flags: str) -> Contestant:
    """-I: the peer must see neither our packages, which have generic names, nor a user's."""
    path = HERE / "contestants" / script
    return Contestant(name, (str(_python(environment)), "-I", str(path), *flags))


def _python(environment: str) -> Path:
    return ENVIRONMENTS / environment / "bin" / "python"


def ready() -> None:
    """Make every environment that is missing or out of date. Raises NotReady."""
    for requirements in sorted((HERE / "requirements").glob("*.txt")):
        _make(requirements)


def _make(requirements: Path) -> None:
    folder = ENVIRONMENTS / requirements.stem
    python, version = _find_python()
    made_of = f"# Python {version}\n{requirements.read_text()}"
    done = folder / "made-of.txt"
    if done.exists() and done.read_text() == made_of:
        return
    print(f"installing {requirements.stem} into {folder} (Python {version})", file=sys.stderr)
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r")
    _install(python, "-m", "venv", "--clear", str(folder))
    _install(str(_python(requirements.stem)), *install, str(requirements))
    done.write_text(made_of)


def _install(*command: str) -> None:
    try:
        run_bounded(command, LONGEST_INSTALL)
    except NoResult as problem:
        raise NotReady(f"{' '.join(command)}: {problem}") from problem


def _find_python() -> tuple[str, str]:
    """PYTHON_PEERS or the first on PATH that is new enough, with its version."""
    chosen = os.environ.get("PYTHON_PEERS")
    for name in [chosen] if chosen else PYTHONS:
        path = shutil.which(name)
        version = _version(path) if path else None
        if path and version and tuple(map(int, version.split("."))) >= OLDEST:
            return path, version
    oldest = ".".join(map(str, OLDEST))
    raise NotReady(
        f"PYTHON_PEERS={chosen} is no Python of at least {oldest} that has venv."
        if chosen
        else f"No Python of at least {oldest} that has venv was found on PATH (testio-mcp needs "
        f"it). Install one, or name it: PYTHON_PEERS=/path/to/python{oldest}"
    )


def _version(python: str) -> str | None:
    """None if it does not run, as a shim without its Python, or cannot make environments."""
    code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    asked = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else None


def run_bounded(command: tuple[str, ...], seconds: float) -> str:
    """What a command prints on stdout. Raises NoResult if it fails or is not done in time.

    It gets a process group of its own, which is killed as a whole when the time is over.
    """
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as problem:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(problem, subprocess.TimeoutExpired):
                raise NoResult(f"no result within {seconds:g} s") from None
            raise
    if process.returncode != 0:
        said = err.strip().splitlines() or ["it said nothing"]
        raise NoResult(f"exit status {process.returncode}: {said[-1]}")
    return str(out)


class Account:
    """A simulated account, served by a process of its own."""

    def __init__(self, ready_line: dict[str, str]) -> None:
        self._ready = ready_line

    def state(self) -> Any:
        """Counts of what there is, and of the requests served so far."""
        with urllib.request.urlopen(f"{self._ready['control_url']}/state", timeout=30) as answer:
            return json.load(answer)

    def rows(self) -> int:
        """Products, features and tests that a complete mirror has."""
        state = self.state()
        return int(state["products"] + state["features"] + state["tests"])

    def sync(self, contestant: Contestant, folder: str, connections: int, longest: float) -> Sync:
        """One sync into a folder. Raises NoResult."""
        served = self.state()["requests_served"]
        where = ("--url", self._ready["base_url"], "--token", self._ready["token"])
        flags = (*where, "--folder", folder, "--connections", str(connections))
        printed = run_bounded((*contestant.command, *flags), longest)
        requests = self.state()["requests_served"] - served
        try:
            return Sync(**json.loads(printed), requests=requests)
        except (TypeError, ValueError) as problem:
            raise NoResult(f"printed no result: {printed[:200]!r}") from problem


@contextmanager
def _account(given: argparse.Namespace) -> Iterator[Account]:
    sizes = ("products", "features", "tests", "latency_ms")
    flags = [f"--{name.replace('_', '-')}={getattr(given, name)}" for name in sizes]
    command = [sys.executable, "-m", "simulator", "--json", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        try:
            yield Account(json.loads(simulator.stdout.readline()))
        finally:
            simulator.terminate()


def main() -> int:
    """Time each peer, first and again, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=50)
    parser.add_argument("--features", type=int, default=20)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--latency-ms", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--longest", type=float, default=LONGEST_SYNC, help="seconds of one sync")
    given = parser.parse_args()
    try:
        ready()
    except NotReady as problem:
        print(problem, file=sys.stderr)
        return 2
    with _account(given) as account:
        expected = account.rows()
        columns = ("first s", "again s", "peak MB", "rows", "of", "requests")
        print(f"{'':<22}" + "".join(f"{column:>12}" for column in columns))
        for _ in range(given.pairs):
            for peer in peers():
                print(f"{peer.name:<22}{_measured(account, peer, given, expected)}", flush=True)
    return 0


def _measured(account: Account, peer: Contestant, given: argparse.Namespace, expected: int) -> str:
    """The rest of a line of the table: the two syncs, or why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            first, again = (
                account.sync(peer, folder, given.connections, given.longest) for _ in range(2)
            )
        except NoResult as problem:
            return f"  {problem}"
    peak = max(first.peak_mb, again.peak_mb)
    requests = f"{first.requests}+{again.requests}"
    times = f"{first.seconds:12.1f}{again.seconds:12.1f}{peak:12.0f}"
    return f"{times}{min(first.rows, again.rows):12}{expected:12}{requests:>12}"


if __name__ == "__main__":
    sys.exit(main())
