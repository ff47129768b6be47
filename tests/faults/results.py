"""What attempts came to: a line of JSON each, in the file that FAULT_RESULTS names."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of one fault. `seen`: what was seen, and how often."""

    number: int
    name: str
    seed: str
    passed: bool
    seen: Mapping[str, int]


def note(attempt: Attempt) -> None:
    """Append it, in one write, so that several processes may."""
    place = os.environ.get("FAULT_RESULTS")
    if place:
        line = json.dumps(asdict(attempt)).encode() + b"\n"
        handle = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line)
        finally:
            os.close(handle)


def read(path: Path) -> list[Attempt]:
    """All attempts of a file."""
    return [Attempt(**json.loads(line)) for line in path.read_text().splitlines()]
