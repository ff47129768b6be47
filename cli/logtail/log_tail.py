"""Reads a log file from its end, and goes on as it grows, is rotated away, or is emptied."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

BLOCK = 64 * 1024


class FileTail:
    """One log file, by its name. A file that takes its place is read when the old one is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""

    def last(self, count: int, wanted: Callable[[str], bool], *, whole: bool = True) -> list[str]:
        """The last `count` wanted lines that are there now; `poll` goes on after them.

        `whole`: a last line that has no end yet is left to `poll`. Raises OSError,
        FileNotFoundError among them.
        """
        self._file = self._path.open("rb")
        size = self._file.seek(0, os.SEEK_END)
        lines = _backwards(self._file, size)
        unfinished = next(lines)
        found = [] if whole or not unfinished else [_decoded(unfinished)]
        for line in lines:
            if len(found) == count:
                break
            if line and wanted(text := _decoded(line)):
                found.append(text)
        self._file.seek(size - len(unfinished))
        return found[::-1]

    def poll(self) -> list[str]:
        """The lines that have come; none while there is no file. Raises OSError."""
        if self._file is None:
            with suppress(FileNotFoundError):
                self._file = self._path.open("rb")
        if self._file is None:
            return []
        is_replaced = self._is_replaced(self._file)  # asked first: what it still gets is read below
        lines = self._read(self._file)
        if is_replaced:
            lines += [_decoded(self._rest)] if self._rest else []
            self._close()
            return lines + self.poll()
        return lines

    def _is_replaced(self, file: BinaryIO) -> bool:
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(file.fileno()))
        except FileNotFoundError:
            return False  # rotated away, and nobody has logged since

    def _read(self, file: BinaryIO) -> list[str]:
        if os.fstat(file.fileno()).st_size < file.tell():
            file.seek(0)  # emptied in place
            self._rest = b""
        *lines, self._rest = (self._rest + file.read()).split(b"\n")
        return [_decoded(line) for line in lines]

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file, self._rest = None, b""

    def close(self) -> None:
        """Let go of the file."""
        self._close()


def _backwards(file: BinaryIO, end: int) -> Iterator[bytes]:
    """What stands after the last line's end, then the lines, the last one first."""
    rest = b""
    while end > 0:
        begin = max(0, end - BLOCK)
        file.seek(begin)
        first, *lines = (file.read(end - begin) + rest).split(b"\n")
        yield from reversed(lines)
        rest, end = first, begin
    yield rest


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", errors="replace").rstrip("\r")
