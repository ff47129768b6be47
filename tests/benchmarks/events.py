"""Events to the disk, and how soon the Coordinator answers: `python -m tests.benchmarks.events`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable

from tests.benchmarks.bounded import run_bounded
from tests.benchmarks.harness import Options, main
from tests.benchmarks.remote import Remote, simulated
from tests.benchmarks.result import Figure, Result, Target
from tests.benchmarks.rounds import in_turns, percentile

EVENTS, QUICK_EVENTS = 40_000, 8_000
LEVELS = {"WARNING": "no log lines (LOG_LEVEL=WARNING)", "INFO": "a log line each, to /dev/null"}
PER_SECOND = Target(least=20_000.0)
ANSWER = Target(most=25.0)
CONNECTIONS = 10
LONGEST = 300.0


def measure(options: Options) -> Result:
    """Events a second at two log levels, and the slowest answers. Raises NoResult."""
    events = QUICK_EVENTS if options.quick else EVENTS
    rates = in_turns({level: _recorded(level, events) for level in LEVELS}, options.pairs)
    with simulated(options.size) as remote:
        slowest = [_slowest_answer(remote) for _ in range(options.pairs)]
    figures = [
        Figure(
            name="events on disk",
            unit="a second",
            values=rates[level],
            target=PER_SECOND,
            group=is_,
        )
        for level, is_ in LEVELS.items()
    ]
    name = "99th percentile of the Coordinator's answers"
    figures.append(Figure(name=name, unit="ms", values=slowest, target=ANSWER))
    what = (
        f"{events:,} events of four threads, until the run's end is synced to the disk; "
        f"answers during a full sync of {options.size}, {CONNECTIONS} connections"
    )
    return Result(name="events", title="Events and answers", what=what, figures=figures)


def _recorded(level: str, events: int) -> Callable[[], float]:
    def once() -> float:
        with tempfile.TemporaryDirectory() as folder:
            flags = ("--folder", folder, "--events", str(events), "--level", level)
            printed = run_bounded(
                (sys.executable, "-m", "tests.benchmarks.recording", *flags), LONGEST
            )
        return float(json.loads(printed)["per_second"])

    return once


def _slowest_answer(remote: Remote) -> float:
    with tempfile.TemporaryDirectory() as folder:
        flags = ("--url", remote.url, "--token", remote.token, "--folder", folder)
        command = (sys.executable, "-m", "tests.benchmarks.asking", *flags)
        printed = run_bounded((*command, "--connections", str(CONNECTIONS)), LONGEST)
    return percentile(json.loads(printed)["milliseconds"], 0.99)


if __name__ == "__main__":
    sys.exit(main(("events",)))
