"""Looks up who may use the files of an installation. Changes nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from config.files import rights_of_secret
from config.settings import Settings
from rules.diagnosis.of_machine import FileSeen
from storage.engine.place import real_path

OTHERS_MAY_READ = 0o755
OTHERS_MAY_ENTER = 0o775
OWNER_ONLY = 0o700


def files_seen(settings: Settings, config: Path | None, socket: Path) -> Iterator[FileSeen]:
    """The files that are there."""
    database = real_path(settings.db_path)
    wanted: list[tuple[str, Path | None, int]] = [
        ("configuration", config, OTHERS_MAY_READ),
        ("token file", settings.token_file, OWNER_ONLY),
        ("database folder", database.parent, OTHERS_MAY_ENTER),
        *(("database", Path(f"{database}{end}"), settings.db_mode) for end in ("", "-wal", "-shm")),
        ("lock file", Path(f"{database}.lock"), OWNER_ONLY),
        ("socket folder", socket.parent, OWNER_ONLY),
    ]
    for what, path, allowed in wanted:
        if path is None:
            continue
        try:
            status = path.stat()
        except OSError:
            continue  # what is not there, and has to be, is told by what needs it
        mode = stat.S_IMODE(status.st_mode)
        if what.endswith("folder"):
            if mode & stat.S_ISVTX:
                continue  # /tmp, for one: nobody can take another's file away there
        elif not stat.S_ISREG(status.st_mode):
            continue
        yield FileSeen(
            what=what,
            path=str(path),
            mode=mode,
            allowed=rights_of_secret(status) if what == "token file" else allowed,
            owner=status.st_uid,
            us=os.getuid(),
        )


def log_file_flaw(path: Path | None) -> str | None:
    """Why LOG_FILE cannot be written; None if it can, or there is none."""
    if path is None:
        return None
    if os.path.exists(path) and not os.path.isfile(path):
        return f"{path} is not a regular file"
    place = next(p for p in (path, *path.absolute().parents) if os.path.exists(p))
    is_folder = os.path.isdir(place)
    if place != path and not is_folder:
        return f"{path} cannot be made: {place} is no folder"
    if not os.access(place, os.W_OK | (os.X_OK if is_folder else 0)):
        return f"{place} cannot be written by this user"
    return None
