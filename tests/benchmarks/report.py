"""Puts a file of results into the documentation: `python -m tests.benchmarks.report`.

The tables of docs/performance.md stand between two markers and are made here, and nowhere else; so
is the plot, if matplotlib is there.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.bounded import ROOT
from tests.benchmarks.harness import RESULTS, label, load, numbers
from tests.benchmarks.result import Figure, Result

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "images" / "performance.png"
BEGIN, END = "<!-- results: made by `make bench-report` -->", "<!-- end of results -->"
VERDICTS = {None: "", True: "yes", False: "**no**"}


def main() -> int:
    """Write the page's tables and the plot again."""
    parser = argparse.ArgumentParser(description="Put the results into docs/performance.md.")
    parser.add_argument("results", type=Path, nargs="?", default=RESULTS)
    given = parser.parse_args()
    if not given.results.exists():
        print(f"there is no {given.results}; `make bench` makes one", file=sys.stderr)
        return 2
    around, results = load(given.results)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(between_markers(page, rendered(around, results)), encoding="utf-8")
    peers = next((result for result in results if result.name == "peers"), None)
    if peers is None:
        print("no plot: the results are without `peers`", file=sys.stderr)
    elif importlib.util.find_spec("matplotlib") is None:
        print("no plot: matplotlib is not installed (`make bench-report` does)", file=sys.stderr)
    else:
        from tests.benchmarks.plot import draw

        draw(peers, PLOT)
    return 0


def between_markers(page: str, text: str) -> str:
    """The page with this text in the place of what stood between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def rendered(around: Mapping[str, str], results: Sequence[Result]) -> str:
    """All results in Markdown, and first what they were measured on."""
    circumstances = ["| measured | |", "| --- | --- |"]
    circumstances += [f"| {name} | {value} |" for name, value in around.items()]
    return "\n\n".join(["\n".join(circumstances), *map(section, results)])


def section(result: Result) -> str:
    """One result: a title, what it is of, the table, the notes."""
    rows = ["| | median | least | most | target | met |", "| --- | --: | --: | --: | --- | --- |"]
    rows += [_row(figure) for figure in result.figures]
    notes = [f"- {note}" for note in result.notes]
    parts = [
        f"### {result.title}",
        f"{result.what[0].upper()}{result.what[1:]}. {result.rounds}.",
        "\n".join(rows),
    ]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])])


def _row(figure: Figure) -> str:
    target = "" if figure.target is None else str(figure.target)
    cells = (label(figure), *numbers(figure), target, VERDICTS[figure.met])
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.exit(main())
