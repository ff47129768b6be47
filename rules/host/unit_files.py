"""What is decided before a file of the service is written: nothing of a person's is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import PurePosixPath

HIDDEN = (
    *map(PurePosixPath, ("/home", "/root", "/run/user")),
    *map(PurePosixPath, ("/tmp", "/var/tmp")),  # nosec B108 # nothing is made there
)
"""Folders that the system service does not see (ProtectHome, PrivateTmp)."""

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+=:,@~%$")
"""Characters that a word may have without quotes."""


class Writing(StrEnum):
    """What is to be done about a unit."""

    NEW = "new"
    SAME = "same"
    REPLACE = "replace"
    REFUSE = "refuse"


def writing(present: str | None, wanted: str, *, force: bool) -> Writing:
    """What to do where the file has this text now; None: there is none.

    A text that is not ours may be a person's work: it is replaced only on demand.
    """
    if present is None:
        return Writing.NEW
    if present == wanted:
        return Writing.SAME
    return Writing.REPLACE if force else Writing.REFUSE


def hidden(paths: Iterable[PurePosixPath]) -> list[PurePosixPath]:
    """Those of these paths that the system service cannot see."""
    return [path for path in paths if any(path.is_relative_to(folder) for folder in HIDDEN)]


def command_line(words: Sequence[str]) -> str:
    """A program and its arguments as systemd reads them in `ExecStart=`: nothing is expanded.

    Raises ValueError for a program at a path that systemd does not take, however it is quoted.
    """
    program, *arguments = words
    if not program.isprintable() or set(program) & set("\"'\\"):
        raise ValueError(f"systemd runs no program with such a path: {program!r}")
    # A `$` means something in arguments only, a `%` everywhere, and both within quotes too.
    doubled = [program, *(word.replace("$", "$$") for word in arguments)]
    return " ".join(_quoted(word.replace("%", "%%")) for word in doubled)


def _quoted(word: str) -> str:
    if word and set(word) <= PLAIN:
        return word
    escaped = (
        word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    )
    return f'"{escaped}"'
