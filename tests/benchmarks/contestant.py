"""Who takes part: programs that each sync one account once, and what they print of it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.bounded import NoResult, run_bounded


@dataclass(frozen=True, slots=True)
class Contestant:
    """A program to time; its command lacks only `--url --token --folder --connections`."""

    name: str
    command: tuple[str, ...]

    def with_flags(self, *flags: str) -> Contestant:
        """The same, with flags of its own."""
        return Contestant(self.name, (*self.command, *flags))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """One sync: its seconds, the process's peak, the rows mirrored and the requests it took."""

    seconds: float
    peak_mb: float
    rows: int
    requests: int


def _of_this_project(name: str, module: str) -> Contestant:
    return Contestant(name, (sys.executable, "-m", f"tests.benchmarks.contestants.{module}"))


OURS = _of_this_project("testio-sync", "ours")
RAW_FLOOR = _of_this_project("floor, raw sockets", "raw_floor")
REQUESTS_FLOOR = _of_this_project("floor, requests", "requests_floor")


def sync_once(
    contestant: Contestant, url: str, token: str, folder: str, connections: int, longest: float
) -> dict[str, Any]:
    """What a contestant prints of one sync. Raises NoResult, also after `longest` seconds."""
    where = ("--url", url, "--token", token, "--folder", folder)
    command = (*contestant.command, *where, "--connections", str(connections))
    printed = run_bounded(command, longest)
    try:
        told: dict[str, Any] = json.loads(printed)
        return {name: told[name] for name in ("seconds", "peak_mb", "rows")}
    except (KeyError, TypeError, ValueError) as problem:
        raise NoResult(f"printed no result: {printed[:200]!r}") from problem
