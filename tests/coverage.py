"""Prints what a coverage report says of the core packages; fails where one is below the floor.

`python -m tests.coverage .coverage.json`, with the report that `make coverage` makes.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PACKAGES = ("rules", "storage", "actors", "testio")
FLOOR = 95.0
SHOWN = 5
"""How many files of a package below the floor are named."""


def per_package(report: dict[str, Any]) -> dict[str, Counter[str]]:
    """The numbers of each package, added up over its files."""
    found: dict[str, Counter[str]] = {package: Counter() for package in PACKAGES}
    for name, file in report["files"].items():
        package = Path(name).parts[0]
        if package in found:
            numbers = {key: n for key, n in file["summary"].items() if isinstance(n, int)}
            found[package].update(numbers)
    return found


def share(part: int, whole: int) -> float:
    """In percent; of nothing, nothing is known."""
    return 100.0 * part / whole if whole else 0.0


def of_branches(numbers: Counter[str]) -> float:
    """The share of the branches that were taken."""
    return share(numbers["covered_branches"], numbers["num_branches"])


def of_lines(numbers: Counter[str]) -> float:
    """The share of the lines that were run."""
    return share(numbers["covered_lines"], numbers["num_statements"])


def too_low(found: dict[str, Counter[str]]) -> list[str]:
    """The packages of which too few branches or lines were tried."""
    return [
        package
        for package, numbers in found.items()
        if min(of_branches(numbers), of_lines(numbers)) < FLOOR
    ]


def table(found: dict[str, Counter[str]]) -> Iterable[str]:
    """A line a package."""
    yield f"{'package':<10}{'branches':>10}{'lines':>10}{'not taken':>12}"
    for package, numbers in found.items():
        missing = numbers["num_branches"] - numbers["covered_branches"]
        taken, run = of_branches(numbers), of_lines(numbers)
        yield f"{package:<10}{taken:>9.1f}%{run:>9.1f}%{missing:>12}"


def worst(report: dict[str, Any], package: str) -> Iterable[str]:
    """Where most is missing in a package: the file, and its branches from line to line."""
    files = [(n, f) for n, f in report["files"].items() if Path(n).parts[0] == package]
    for name, file in sorted(files, key=lambda each: -len(each[1]["missing_branches"]))[:SHOWN]:
        branches = ", ".join(f"{start}->{end}" for start, end in file["missing_branches"])
        yield f"  {name}: {branches or 'no branch'}"


def main(path: str) -> int:
    """Print the table; 1 where a package is below the floor."""
    report = json.loads(Path(path).read_text())
    found = per_package(report)
    print("\n".join(table(found)))
    low = too_low(found)
    for package in low:
        print(
            f"{package} is below {FLOOR:g} %; most is missing here:",
            *worst(report, package),
            sep="\n",
        )
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
