"""A second sync, where nothing is new: `python -m tests.benchmarks.nothing_new`.

It is held against the least that its own requests can take: their number times the remote's
latency, over the connections.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass

from tests.benchmarks.contestant import OURS, Sync
from tests.benchmarks.harness import Options, main
from tests.benchmarks.remote import LATENCY_MS, Remote, simulated
from tests.benchmarks.result import Figure, Result, Target

CONNECTIONS = 10
REQUESTS = Target(most=3.0)
TIME = Target(most=1.5)


@dataclass(frozen=True, slots=True)
class Again:
    """A sync with nothing new, and its requests of products' lists."""

    sync: Sync
    of_products: int

    @property
    def floor(self) -> float:
        """Seconds that its requests spend at the remote, the connections shared out evenly."""
        return self.sync.requests * LATENCY_MS / 1000 / CONNECTIONS


def measure(options: Options) -> Result:
    """Requests a product and time. Raises NoResult."""
    with simulated(options.size) as remote:
        rounds = [_again(remote) for _ in range(options.pairs)]
    figures = _figures(rounds, options.size.products)
    what = f"{options.size}; {LATENCY_MS:g} ms for each answer, {CONNECTIONS} connections"
    return Result(name="nothing_new", title="Nothing new", what=what, figures=figures)


def _again(remote: Remote) -> Again:
    with tempfile.TemporaryDirectory() as folder:
        remote.full_sync(OURS, folder, CONNECTIONS)
        remote.forget_requests()
        sync = remote.full_sync(OURS, folder, CONNECTIONS)
        asked = remote.requests()
    return Again(
        sync,
        of_products=sum(not request["path"].endswith("/products") for request in asked),
    )


def _figures(rounds: list[Again], products: int) -> list[Figure]:
    per_product = [each.of_products / products for each in rounds]
    over_floor = [each.sync.seconds / each.floor for each in rounds]
    over = "time / (requests x latency / connections)"
    return [
        Figure(name="sync", unit="s", values=[each.sync.seconds for each in rounds]),
        Figure(name="requests a product", unit="", values=per_product, target=REQUESTS),
        Figure(name=over, unit="", values=over_floor, target=TIME),
    ]


if __name__ == "__main__":
    sys.exit(main(("nothing_new",)))
