"""The same sync of one time and ten times the rows, in two shapes; memory and growth share it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache

from tests.benchmarks.contestant import OURS, Sync
from tests.benchmarks.harness import Options
from tests.benchmarks.remote import SMALL, USUAL, Remote, Size, simulated
from tests.benchmarks.rounds import in_turns

CONNECTIONS = 10
ONCE, MANY, FEW, ONE = (
    "one time",
    "ten times the products",
    "a few large products",
    "one large product",
)
SIZES = {
    ONCE: USUAL,
    MANY: Size(products=500),
    FEW: Size(products=5, tests=20_000),
    ONE: Size(products=1, tests=20_000),
}
QUICK_SIZES = {
    ONCE: SMALL,
    MANY: Size(products=100),
    FEW: Size(products=2, tests=10_000),
    ONE: Size(products=1, tests=5_000),
}


@cache
def syncs(options: Options) -> dict[str, list[Sync]]:
    """Full syncs of each size, in turns. Raises NoResult."""
    with ExitStack() as stack:
        works = {
            shape: _full_sync(stack.enter_context(simulated(size)))
            for shape, size in sizes(options).items()
        }
        return in_turns(works, options.pairs, warm_up=False)


def sizes(options: Options) -> dict[str, Size]:
    """How large each is."""
    return QUICK_SIZES if options.quick else SIZES


def _full_sync(remote: Remote) -> Callable[[], Sync]:
    def once() -> Sync:
        with tempfile.TemporaryDirectory() as folder:
            return remote.full_sync(OURS, folder, CONNECTIONS)

    return once
