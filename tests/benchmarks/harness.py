"""The frame around every benchmark: its flags, the plain table, and the file of results."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.bounded import ROOT, NoResult
from tests.benchmarks.machine import circumstances
from tests.benchmarks.remote import SMALL, USUAL, Size
from tests.benchmarks.result import Figure, Result

RESULTS = ROOT / ".bench" / "results.json"
BENCHMARKS = (
    "full_sync",
    "nothing_new",
    "memory",
    "growth",
    "daemon",
    "events",
    "readers",
    "peers",
)
"""Each is a module beside this one, with `measure(options) -> Result`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How long and how large: `pairs` rounds are counted; a quick run tries whether all works."""

    pairs: int = 5
    quick: bool = False

    @property
    def size(self) -> Size:
        """The usual account."""
        return SMALL if self.quick else USUAL


def main(names: Sequence[str] = BENCHMARKS) -> int:
    """Measure, show and save; 1 if a target was missed or a benchmark came to nothing."""
    parser = argparse.ArgumentParser(description="Measure, beside floors and peers, in turns.")
    parser.add_argument("--pairs", type=int, metavar="N", help="rounds counted (default: 5)")
    parser.add_argument("--quick", action="store_true", help="small accounts, two rounds")
    if len(names) > 1:
        parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    given = parser.parse_args()
    options = Options(pairs=given.pairs or (2 if given.quick else 5), quick=given.quick)
    results = [result for name in getattr(given, "only", names) if (result := run(name, options))]
    save(results, options)
    complete = len(results) == len(getattr(given, "only", names))
    return 0 if complete and not any(result.missed for result in results) else 1


def run(name: str, options: Options) -> Result | None:
    """One benchmark, shown when it is done; None where it came to nothing."""
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    module = importlib.import_module(f"tests.benchmarks.{name}")
    try:
        result: Result = module.measure(options)
    except NoResult as problem:
        print(f"{name}: {problem}", file=sys.stderr)
        return None
    print(table(result), flush=True)
    return result


def save(results: Sequence[Result], options: Options, path: Path = RESULTS) -> None:
    """Write them down; what was measured earlier under the same circumstances stays."""
    around = circumstances() | ({"run": "quick, to see whether all works"} if options.quick else {})
    old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    kept = old.get("results", {}) if old.get("circumstances") == around else {}
    document = {
        "circumstances": around,
        "results": {**kept, **{result.name: result.as_json() for result in results}},
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def load(path: Path = RESULTS) -> tuple[dict[str, str], list[Result]]:
    """The circumstances and the results, in the order of the benchmarks."""
    document = json.loads(path.read_text(encoding="utf-8"))
    known = document["results"]
    results = [Result.of_json(known[name]) for name in BENCHMARKS if name in known]
    return document["circumstances"], results


def table(result: Result) -> str:
    """A result in plain text, for a terminal."""
    rows = [("", "median", "min", "max", "target", ""), *map(_cells, result.figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if n in (0, 4) else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    title = f"\n{result.title}, {result.rounds}: {result.what}"
    return "\n".join([title, *lines, *result.notes])


def _cells(figure: Figure) -> tuple[str, ...]:
    verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
    target = "" if figure.target is None else str(figure.target)
    return (label(figure), *numbers(figure), target, verdict)


def label(figure: Figure) -> str:
    """What a figure is of, with its unit."""
    name = f"{figure.name}, {figure.group}" if figure.group else figure.name
    return f"{name} ({figure.unit})" if figure.unit else name


def numbers(figure: Figure) -> tuple[str, str, str]:
    """Median, least and most, short."""
    return short(figure.median), short(min(figure.values)), short(max(figure.values))


def short(value: float) -> str:
    """Three digits that count, and no more."""
    if value >= 1000:
        return f"{value:,.0f}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 0.1 else 4
    return f"{value:.{digits}f}"
