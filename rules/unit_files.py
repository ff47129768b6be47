"""What is decided before a file of the service is written: nothing of a person's is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import PurePosixPath

HIDDEN = tuple(map(PurePosixPath, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))
"""Folders that the system service does not see (ProtectHome, PrivateTmp)."""

PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./+=:,@~")


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
    """A command as systemd reads it in `ExecStart=`: quoted, and nothing expanded."""
    return " ".join(map(_word, words))


def _word(text: str) -> str:
    """One word; `%` and `$` are doubled, because systemd expands them within quotes too."""
    text = text.replace("%", "%%").replace("$", "$$")
    if text and set(text) <= PLAIN | set("%$"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
