"""The three streams of this process, whatever whoever started it has made of them."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, cast


class _Told(io.FileIO):
    """Standard output; what it does not take is no failure without a name."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            error.filename = "standard output"
            raise


class _Best(io.FileIO):
    """Standard error; a word that it does not take ends no work, for nobody can be told."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or len(data)  # None: nobody reads fast enough
        except OSError:
            return len(data)


def make_usable() -> None:
    """Whoever starts us may have closed them (`2>&-`, some supervisors); files that are opened
    later must not get their numbers. And no character makes a traceback."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(number, mode, closefd=False, encoding="utf-8"))  # noqa: SIM115
    sys.stdout = _written(sys.stdout, _Told)
    sys.stderr = _written(sys.stderr, _Best)


def close_output() -> None:
    """What is left in it goes nowhere, and makes no noise at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _written(stream: Any, kind: type[io.FileIO]) -> Any:
    """The same stream, written by this kind of file; one that is no stream of ours is left."""
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.reconfigure(errors="backslashreplace")
    with suppress(OSError):  # one in memory has no number
        if stream.fileno() in (1, 2):
            return _anew(stream, kind)
    return stream


def _anew(stream: io.TextIOWrapper, kind: type[io.FileIO]) -> io.TextIOWrapper:
    stream.flush()
    file = kind(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        cast(Any, file if stream.write_through else io.BufferedWriter(file)),  # as with python -u
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
