"""Which process holds a lock on a file, as the kernel tells it; a file can only claim it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from storage.engine.place import real_path

LOCKS = Path("/proc/locks")
WRITE_LOCK = 120
"""The byte of the file `-shm` that a writer locks: WAL_WRITE_LOCK in SQLite's file format."""


def write_lock_owner(database: Path, locks: Path = LOCKS) -> str:
    """`the program sqlite3 with pid 4711`, of another process than this; empty if not known."""
    found = _owners(Path(f"{real_path(database)}-shm"), "POSIX", WRITE_LOCK, locks)
    return ", ".join(_named(pid) for pid in sorted(set(found) - {os.getpid()}))


def owner_of_file(path: Path, locks: Path = LOCKS) -> int | None:
    """The process that has the whole file locked; None where the kernel does not tell."""
    owners = [pid for pid in _owners(path, "FLOCK", 0, locks) if pid > 0]
    return owners[0] if owners else None


def _owners(path: Path, sort: str, byte: int, locks: Path) -> Iterator[int]:
    """From lines like `1: POSIX  ADVISORY  WRITE 4711 08:01:1234 120 120`."""
    try:
        inode = os.stat(path).st_ino
        lines = locks.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        words = line.split()
        if len(words) != 8 or words[1] != sort or words[3] != "WRITE":
            continue
        first, last = int(words[6]), words[7]
        reaches = first <= byte and (last == "EOF" or byte <= int(last))
        if reaches and words[5].rpartition(":")[2] == str(inode):
            yield int(words[4])


def _named(pid: int) -> str:
    try:
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return f"the program with pid {pid}"
    return f"the program {name} with pid {pid}"
