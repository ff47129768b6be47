"""What every contestant of ours has in common: its flags, its clock, its one line of output.

A second call with the same folder is a sync with nothing new.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One sync: of which account, into which folder, with how many requests at once."""

    url: str
    token: str
    folder: Path
    connections: int
    product_ids: list[int] | None = None
    """Only these products; ours alone knows of it."""


def take_part(
    sync: Callable[[Task], int], prepare: Callable[[Task], None] = lambda _task: None
) -> None:
    """Read the flags, time `sync`, and print its seconds, its peak memory and its rows.

    `prepare` is not timed: it makes the tables, as an installation does once.
    """
    task = task_of_flags()
    prepare(task)
    began = time.perf_counter()
    rows = sync(task)
    seconds = time.perf_counter() - began
    line = {"seconds": seconds, "peak_mb": peak_mb(), "rows": rows}
    print(json.dumps(line), flush=True)


def task_of_flags() -> Task:
    """The task that the command line gives."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--product-ids", type=int, nargs="+")
    return Task(**vars(parser.parse_args()))


def peak_mb() -> float:
    """The most memory that this process ever held, in MB.

    `ru_maxrss` would do, but a child inherits its parent's while it is forked.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
