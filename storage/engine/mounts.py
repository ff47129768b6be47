"""What is mounted where, as Linux tells it; nothing elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TABLE = Path("/proc/self/mountinfo")
ESCAPED = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One mount: where it is seen, and the type of its file system."""

    place: Path
    kind: str


def mounts(table: Path = TABLE) -> tuple[Mount, ...]:
    """All mounts that this process sees, the later over the earlier; none where it is not told."""
    try:
        content = table.read_bytes()
    except OSError:
        return ()
    return tuple(_parsed(content.splitlines()))


def _parsed(lines: Iterable[bytes]) -> Iterator[Mount]:
    for line in lines:
        before, found, after = line.partition(b" - ")
        words, rest = before.split(b" "), after.split(b" ")
        if found and len(words) > 4:
            yield Mount(place=_path(words[4]), kind=rest[0].decode(errors="replace"))


def _path(word: bytes) -> Path:
    """Spaces and the like stand in octal."""
    plain = ESCAPED.sub(lambda found: bytes((int(found[1], 8),)), word)
    return Path(plain.decode(errors="surrogateescape"))


def mount_of(path: Path, table: Iterable[Mount]) -> Mount | None:
    """The mount that a real path is on; None if that is not told."""
    best: Mount | None = None
    for mount in table:
        is_above = path.is_relative_to(mount.place)
        if is_above and (best is None or len(mount.place.parts) >= len(best.place.parts)):
            best = mount
    return best
