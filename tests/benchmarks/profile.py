"""Where a full sync spends the interpreter's time: `make profile`.

py-spy looks two hundred times a second which thread holds the interpreter (the GIL), over two full
syncs: one makes the flame graph `.bench/profile.svg`, the other the table. A sample counts for the
part of the program whose code, or whose library, is innermost on the stack. What is done without
the interpreter is not counted: waiting, the network, and SQLite's own work.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.benchmarks.bounded import ROOT, NoResult, run_bounded
from tests.benchmarks.contestant import OURS
from tests.benchmarks.remote import Remote, Size, simulated

FOLDER = ROOT / ".bench"
RATE = "200"
LONGEST = 300.0
PARTS: dict[str, tuple[str, ...]] = {
    "loading": ("<frozen importlib",),
    "parsing": ("testio/bodies", "testio/payloads", "orjson"),
    "transport": ("testio/", "requests/", "urllib3/", "http/", "socket.py", "pyrate_limiter/"),
    "storing": ("storage/", "sqlite3/", "dataset/", "sqlalchemy/", "alembic/"),
    "rules": ("rules/",),
    "logs": ("structlog/", "logging/", "config/logs"),
    "actors": ("actors/", "pykka/"),
}
"""What a frame's file begins with, for each part; the first part that fits has it."""
OTHER = "other"


def main() -> int:
    """Sync twice under py-spy, and print the parts."""
    parser = argparse.ArgumentParser(description="Where a full sync spends its time.")
    parser.add_argument("--products", type=int, default=200)
    size = Size(products=parser.parse_args().products)
    FOLDER.mkdir(exist_ok=True)
    try:
        with simulated(size) as remote:
            _record(remote, "flamegraph", FOLDER / "profile.svg")
            _record(remote, "raw", FOLDER / "profile.txt")
    except NoResult as problem:
        print(f"profile: {problem}", file=sys.stderr)
        return 1
    shares = by_part((FOLDER / "profile.txt").read_text(encoding="utf-8").splitlines())
    print(f"A full sync of {size}; the flame graph is .bench/profile.svg\n")
    print(table(shares))
    return 0


def _record(remote: Remote, form: str, path: Path) -> None:
    beside = Path(sys.executable).with_name("py-spy")
    spy = str(beside) if beside.exists() else shutil.which("py-spy")
    if spy is None:
        raise NoResult("py-spy is not installed; `make profile` installs it")
    record = (spy, "record", "--gil", "--rate", RATE, "--format", form, "--output", str(path), "--")
    with tempfile.TemporaryDirectory() as folder:
        flags = ("--url", remote.url, "--token", remote.token, "--folder", folder)
        run_bounded((*record, *OURS.command, *flags), LONGEST)


def by_part(stacks: Iterable[str]) -> dict[str, float]:
    """The share of each part, the largest first. A line: frames, outer to inner, and a count.

    Reading the program's files, before the sync begins, is left out.
    """
    counts: Counter[str] = Counter()
    for line in stacks:
        frames, _, count = line.rpartition(" ")
        if not frames:  # it held the interpreter, but its stack could not be read
            continue
        counts[_part(frames.split(";"))] += int(count)
    del counts["loading"]
    total = sum(counts.values()) or 1
    return {part: count / total for part, count in counts.most_common()}


def _part(frames: list[str]) -> str:
    """A frame reads `function (folder/file.py:line)`."""
    if any(PARTS["loading"][0] in frame for frame in frames):
        return "loading"
    for frame in reversed(frames):
        file = frame.rpartition("(")[2]
        for part, beginnings in PARTS.items():
            if file.startswith(beginnings):
                return part
    return OTHER


def table(shares: dict[str, float]) -> str:
    """The parts in Markdown, for a terminal and for the documentation."""
    rows = [f"| {part} | {100 * share:.0f} % |" for part, share in shares.items()]
    return "\n".join(["| part | of the interpreter's time |", "| --- | --: |", *rows])


if __name__ == "__main__":
    sys.exit(main())
