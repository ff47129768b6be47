"""A first sync of the whole account, beside the two floors: `python -m ...full_sync`.

All read the same simulated account through the same number of connections, in turns.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable

from tests.benchmarks.contestant import OURS, RAW_FLOOR, REQUESTS_FLOOR, Contestant
from tests.benchmarks.harness import Options, main
from tests.benchmarks.remote import LATENCY_MS, Remote, simulated
from tests.benchmarks.result import Figure, Result, Target
from tests.benchmarks.rounds import in_turns, ratios

CONNECTIONS = (10, 32)
TARGETS = {(10, RAW_FLOOR): Target(most=1.15), (32, REQUESTS_FLOOR): Target(most=1.0)}


def measure(options: Options) -> Result:
    """Seconds of each, and our ratio to each floor. Raises NoResult."""
    with simulated(options.size) as remote:
        figures = [each for n in CONNECTIONS for each in _figures(remote, n, options.pairs)]
    what = f"{options.size}; {LATENCY_MS:g} ms for each answer"
    return Result(name="full_sync", title="Full sync", what=what, figures=figures)


def _figures(remote: Remote, connections: int, rounds: int) -> list[Figure]:
    contestants = (OURS, RAW_FLOOR, REQUESTS_FLOOR)
    seconds = in_turns({c: _sync(remote, c, connections) for c in contestants}, rounds)
    group = f"{connections} connections"
    times = [Figure(name=c.name, unit="s", values=seconds[c], group=group) for c in contestants]
    return times + [
        Figure(
            name=f"testio-sync / {floor.name}",
            unit="",
            values=ratios(seconds[OURS], seconds[floor]),
            target=TARGETS.get((connections, floor)),
            group=group,
        )
        for floor in (RAW_FLOOR, REQUESTS_FLOOR)
    ]


def _sync(remote: Remote, contestant: Contestant, connections: int) -> Callable[[], float]:
    def once() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return remote.full_sync(contestant, folder, connections).seconds

    return once


if __name__ == "__main__":
    sys.exit(main(("full_sync",)))
