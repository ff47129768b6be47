"""The peak of a full sync, and of ten times the rows: `python -m tests.benchmarks.memory`."""

from __future__ import annotations

import sys

from tests.benchmarks.harness import Options, main
from tests.benchmarks.large_accounts import FEW, MANY, ONCE, sizes, syncs
from tests.benchmarks.result import Figure, Result, Target
from tests.benchmarks.rounds import ratios

PEAK = Target(most=100.0)
GROWTH = Target(most=1.15)


def measure(options: Options) -> Result:
    """MB that the whole process held at most. Raises NoResult."""
    peaks = {
        shape: [each.peak_mb for each in found]
        for shape, found in syncs(options).items()
        if shape in (ONCE, MANY, FEW)
    }
    figures = [
        Figure(name="peak", unit="MB", values=values, target=PEAK, group=shape)
        for shape, values in peaks.items()
    ]
    figures += [
        Figure(
            name="peak / peak at one time",
            unit="",
            values=ratios(peaks[shape], peaks[ONCE]),
            target=GROWTH,
            group=shape,
        )
        for shape in (MANY, FEW)
    ]
    what = "; ".join(f"{shape}: {sizes(options)[shape]}" for shape in peaks)
    return Result(name="memory", title="Memory", what=what, figures=figures)


if __name__ == "__main__":
    sys.exit(main(("memory",)))
