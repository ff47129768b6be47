"""Makes the table of docs/reliability.md of what `make faults` has seen.

`python -m tests.faults.report RESULTS`; the text around the table stays as it is.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import tests.faults.kinds  # noqa: F401 (enlists the faults)
from tests.faults.programme import FAULTS
from tests.faults.results import Attempt, read

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reliability.md"
SOAK = 27
MOST_SEEN = 6


def table(attempts: Sequence[Attempt]) -> str:
    """A row for each fault, in the order of their numbers."""
    rows = ["| | fault | tried | passed | seen |", "| --: | --- | --: | --: | --- |"]
    for key in sorted({(each.number, each.name) for each in attempts}):
        mine = [each for each in attempts if (each.number, each.name) == key]
        passed, seen = sum(each.passed for each in mine), Counter[str]()
        for each in mine:
            seen.update(each.seen)
        words = "; ".join(
            what if count == len(mine) else f"{what} ({count})"
            for what, count in seen.most_common(None if key[0] == SOAK else MOST_SEEN)
        )
        rows.append(f"| {key[0]} | {key[1]} | {len(mine)} | {passed} | {words} |")
    return "\n".join(rows)


def report(attempts: Sequence[Attempt], commit: str) -> str:
    """The table, and what it was made of."""
    seeds = ", ".join(sorted({each.seed for each in attempts}))
    passed = sum(each.passed for each in attempts)
    head = f"Commit {commit}, seed {seeds}: {passed} of {len(attempts)} attempts passed."
    return f"{head}\n\n{table(attempts)}"


def put(page: str, part: str, text: str) -> str:
    """The page with the text between the two marks of that part."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{text}\n{end}{after}"


def _commit() -> str:
    asked = ("git", "describe", "--always", "--dirty", "--abbrev=7")
    return subprocess.run(
        asked, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def main() -> int:
    """Print it, and write it into the page; the programme's table only if all of it was tried."""
    attempts = read(Path(sys.argv[1]))
    print(report(attempts, _commit()))
    wanted = {fault.number for fault in FAULTS} - {SOAK}
    parts = {
        "faults": [each for each in attempts if each.number != SOAK],
        "soak": [each for each in attempts if each.number == SOAK],
    }
    for part, tried in parts.items():
        if part == "faults" and {each.number for each in tried} < wanted:
            print("\nnot the whole programme: its table in docs/reliability.md stays as it is")
        elif tried:
            PAGE.write_text(put(PAGE.read_text(), part, report(tried, _commit())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
