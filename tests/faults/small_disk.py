"""A disk that fills up and is emptied again, under a home or under one process.

With the right to mount, it is a file system of its own in memory, which says "no space left".
Else the files of the process may not grow any more, which SQLite meets as an error of the disk.
"""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

MOUNT = 'mount -t tmpfs -o size="$2",mode=0700 none "$1" && echo && read -r _; umount -l "$1"'
"""It ends with whoever started it, and takes the mount with it."""
SIZE = "6m"
BALLAST = ".ballast"
FIRST_PAGE = 4096


class Disk(Protocol):
    """What can be full. `words` are what a person is told then."""

    words: tuple[str, ...]

    def fill(self, pid: int) -> None:
        """Nothing more can be written."""

    def empty(self, pid: int) -> None:
        """There is space again."""


class Mounted:
    """A file system in memory."""

    words: tuple[str, ...] = ("database or disk is full", "No space left", "disk I/O error")

    def __init__(self, folder: Path) -> None:
        self._ballast = folder / BALLAST

    def fill(self, pid: int) -> None:
        """To the last byte."""
        handle = os.open(self._ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (1 << 16, 1 << 12, 1):
                with suppress(OSError):
                    while True:
                        os.write(handle, bytes(size))
        finally:
            os.close(handle)

    def empty(self, pid: int) -> None:
        """Remove what fills it."""
        self._ballast.unlink()


class Limited:
    """A limit on the size of the files that one process writes."""

    words: tuple[str, ...] = (
        "disk I/O error",
        "database or disk is full",
        os.strerror(errno.EFBIG),
    )

    def fill(self, pid: int) -> None:
        """Files may not grow beyond their first page, unless the process has ended."""
        with suppress(ProcessLookupError):
            _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (FIRST_PAGE, most))

    def empty(self, pid: int) -> None:
        """They may again."""
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))


@contextmanager
def mounted(folder: Path) -> Iterator[Mounted | None]:
    """A small file system on this folder; None where this user may not mount one."""
    keeper = subprocess.Popen(
        ["sh", "-c", MOUNT, "mount", str(folder), SIZE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        yield Mounted(folder) if keeper.stdout.readline() else None
    finally:
        keeper.stdin.close()
        keeper.wait(30)
        keeper.stdout.close()
