"""Reads the lock files that `make lock` writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
OURSELVES = "testio-sync"

NAME = r"(?P<name>[A-Za-z0-9._-]+)"
PIN = re.compile(
    NAME
    + r"(?:\[(?P<extras>[a-z0-9,_-]+)\])?==(?P<version>[^\s;\\]+)(?: ; (?P<marker>.*?))?(?: \\)?"
)
HASH = re.compile(r"    --hash=sha256:(?P<digest>[0-9a-f]{64})(?: \\)?")
VIA = re.compile(rf"    #(?: via |   )(?:{NAME}(?: \(pyproject\.toml\))?|-c \S+)")


@dataclass(slots=True, kw_only=True)
class Pin:
    """One package of a lock. `hashes`: SHA-256 of each file that may be installed of it.

    `marker`: where it is installed, None for everywhere. `needed_by`: the packages that need it.
    `extras`: those of its extras that somebody needs.
    """

    name: str
    version: str
    marker: str | None
    hashes: list[str] = field(default_factory=list)
    needed_by: list[str] = field(default_factory=list)
    extras: tuple[str, ...] = ()


class NotALock(ValueError):
    """A line that no lock of ours has; the text names it."""


def lock_files() -> list[Path]:
    """All locks of the project."""
    return sorted(ROOT.glob("requirements*.lock"))


def read_lock(path: Path) -> list[Pin]:
    """The packages, by name. Raises NotALock: nothing in the file may be overlooked."""
    return list(_pins(path.read_text(encoding="utf-8").splitlines()))


def _pins(lines: list[str]) -> Iterator[Pin]:
    pin: Pin | None = None
    for number, line in enumerate(lines, start=1):
        if found := PIN.fullmatch(line):
            if pin is not None:
                yield pin
            extras = tuple(filter(None, (found["extras"] or "").split(",")))
            pin = Pin(
                name=found["name"],
                version=found["version"],
                marker=found["marker"],
                extras=extras,
            )
        elif pin is not None and (found := HASH.fullmatch(line)):
            pin.hashes.append(found["digest"])
        elif pin is not None and (found := VIA.fullmatch(line)):
            pin.needed_by += [found["name"]] if found["name"] else []
        elif line != "    # via" and not line.startswith("#"):
            raise NotALock(f"line {number}: {line}")
    if pin is not None:
        yield pin
