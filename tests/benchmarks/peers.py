"""What people use today, timed on the same account: `python -m tests.benchmarks.peers`.

Each peer gets a virtual environment of its own in `.bench/`, made when it is first asked for. A
peer that hangs, fails or mirrors only a part is shown as that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.bounded import ROOT, NoResult, run_bounded
from tests.benchmarks.contestant import OURS, RAW_FLOOR, REQUESTS_FLOOR, Contestant, Sync
from tests.benchmarks.harness import Options, main
from tests.benchmarks.remote import LATENCY_MS, Remote, simulated
from tests.benchmarks.result import Figure, Result
from tests.benchmarks.rounds import in_turns

HERE = Path(__file__).parent
ENVIRONMENTS = ROOT / ".bench"
OLDEST = (3, 12)
PYTHONS = ("python3.13", "python3.12", "python3.14", "python3", "python")
LONGEST_INSTALL = 900.0
LONGEST_SYNC = 300.0
CONNECTIONS = 10
MOST_ROUNDS = 3
"""The slowest peer takes minutes, and there is no ratio to be told from noise."""
FIRST, AGAIN = "first sync", "again, nothing new"
OF_OURS = (OURS, RAW_FLOOR, REQUESTS_FLOOR)


class NotReady(Exception):
    """A peer cannot be installed; the message says what is missing."""


Twice = tuple[Sync, Sync] | str
"""The first sync and a second one into the same folder, or why there are none."""


def measure(options: Options) -> Result:
    """Both syncs of each peer, of ours and of the floors. Raises NoResult."""
    notes = []
    contestants = list(OF_OURS)
    try:
        ready()
        contestants += peers()
    except NotReady as problem:
        notes.append(f"Without peers: {problem}")
    with simulated(options.size) as remote:
        works = {each: _twice(remote, each) for each in contestants}
        found = in_turns(works, min(options.pairs, MOST_ROUNDS), warm_up=False)
        notes += [note for each in contestants for note in _notes(each, found[each], remote.rows)]
    what = f"{options.size}; {LATENCY_MS:g} ms for each answer, {CONNECTIONS} connections"
    figures = [figure for each in contestants for figure in _figures(each, found[each])]
    return Result(name="peers", title="Peers", what=what, figures=figures, notes=notes)


def _twice(remote: Remote, contestant: Contestant) -> Callable[[], Twice]:
    def once() -> Twice:
        with tempfile.TemporaryDirectory() as folder:
            try:
                first = remote.sync(contestant, folder, CONNECTIONS, LONGEST_SYNC)
                return first, remote.sync(contestant, folder, CONNECTIONS, LONGEST_SYNC)
            except NoResult as problem:
                return str(problem)

    return once


def _figures(contestant: Contestant, rounds: list[Twice]) -> list[Figure]:
    done = [each for each in rounds if not isinstance(each, str)]
    if not done:
        return []
    name, of_first, again = contestant.name, [one for one, _ in done], [two for _, two in done]
    peaks = [max(first.peak_mb, second.peak_mb) for first, second in done]
    return [
        Figure(name=name, unit="s", values=[each.seconds for each in of_first], group=FIRST),
        Figure(name=name, unit="s", values=[each.seconds for each in again], group=AGAIN),
        Figure(name=name, unit="MB", values=peaks, group="peak"),
        Figure(
            name=name,
            unit="",
            values=[float(each.requests) for each in again],
            group="requests again",
        ),
    ]


def _notes(contestant: Contestant, rounds: list[Twice], expected: int) -> list[str]:
    """What a reader has to know: syncs that failed, and mirrors that lack rows."""
    failed = sorted({each for each in rounds if isinstance(each, str)})
    notes = [f"{contestant.name}: {problem}" for problem in failed]
    done = [each for each in rounds if not isinstance(each, str)]
    rows = min((min(first.rows, second.rows) for first, second in done), default=expected)
    return notes if rows == expected else [*notes, f"{contestant.name}: {rows} rows of {expected}"]


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


if __name__ == "__main__":
    sys.exit(main(("peers",)))
