"""Time for each row at ten times the work: `python -m tests.benchmarks.growth`.

How many requests are under way is told from the remote: each request that it served stayed there
for the latency, so their number times the latency, over the time of the sync, is the mean.
"""

from __future__ import annotations

import sys

from tests.benchmarks.contestant import Sync
from tests.benchmarks.harness import Options, main
from tests.benchmarks.large_accounts import CONNECTIONS, ONCE, sizes, syncs
from tests.benchmarks.remote import LATENCY_MS
from tests.benchmarks.result import Figure, Result, Target
from tests.benchmarks.rounds import ratios

GROWTH = Target(most=1.2)


def measure(options: Options) -> Result:
    """Time for each row, its growth, and the requests under way. Raises NoResult."""
    found = syncs(options)
    per_row = {shape: [each.seconds / each.rows for each in of] for shape, of in found.items()}
    figures = [
        Figure(
            name="time for a row", unit="µs", values=[1e6 * each for each in values], group=shape
        )
        for shape, values in per_row.items()
    ]
    figures += [
        Figure(
            name="time for a row / that at one time",
            unit="",
            values=ratios(per_row[shape], per_row[ONCE]),
            target=GROWTH,
            group=shape,
        )
        for shape in per_row
        if shape != ONCE
    ]
    figures += [
        Figure(
            name="mean requests at the remote", unit="", values=list(map(_at_once, of)), group=shape
        )
        for shape, of in found.items()
    ]
    shapes = "; ".join(f"{shape}: {size}" for shape, size in sizes(options).items())
    what = f"{shapes}; {LATENCY_MS:g} ms for each answer, {CONNECTIONS} connections"
    return Result(name="growth", title="Growth", what=what, figures=figures)


def _at_once(sync: Sync) -> float:
    return sync.requests * LATENCY_MS / 1000 / sync.seconds


if __name__ == "__main__":
    sys.exit(main(("growth",)))
