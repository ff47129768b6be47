"""Files that appear whole or not at all: written beside their place, then renamed into it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE = 0o600
LEFT_BEHIND_SECONDS = 3600.0
"""Nobody has written to it for so long: whoever began it was killed."""


class CannotPublish(Exception):
    """A file cannot be put where it is asked for; the text names it and says what to do."""


def refuse_existing(target: Path, *, force: bool) -> None:
    """Raise CannotPublish where a file is in the way, or there is no folder to put it in."""
    folder = target.parent
    if not folder.is_dir() and os.path.lexists(folder):
        raise CannotPublish(f"{folder} is no folder, so {target} cannot be made")
    if not folder.is_dir():
        raise CannotPublish(f"there is no folder {folder}; make it first")
    if target.is_dir():
        raise CannotPublish(f"{target} is a folder; name a file")
    if os.path.lexists(target) and not force:
        raise CannotPublish(f"{target} exists; --force replaces it")


@contextmanager
def private_file_beside(target: Path) -> Iterator[Path]:
    """A new empty file in the target's folder, for its owner only; gone if it was not renamed.

    What killed processes have left of earlier ones is removed first. A disk that is full has no
    name: an OSError of the block gets the target's.
    """
    _remove_leftovers(target)
    path = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    except OSError as error:
        raise CannotPublish(f"{target} cannot be written: {error.strerror}") from error
    try:
        yield path
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(path)):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(target)) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _remove_leftovers(target: Path) -> None:
    """Never raises: they cost space, and the next one tries again."""
    ours = re.compile(
        re.escape(f".{target.name[:100]}.") + r"[0-9a-f]{12}\.tmp(-wal|-shm|-journal)?"
    )
    with contextlib.suppress(OSError):
        for path in target.parent.iterdir():
            is_ours = ours.fullmatch(path.name) is not None
            if is_ours and time.time() - path.stat().st_mtime > LEFT_BEHIND_SECONDS:
                path.unlink()


def publish(finished: Path, target: Path, *, force: bool) -> None:
    """Put a finished file in its place, on disk on return. Raises CannotPublish, OSError."""
    with finished.open("rb") as file:
        os.fsync(file.fileno())
    refuse_existing(target, force=force)
    finished.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
