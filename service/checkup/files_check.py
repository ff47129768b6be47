"""Looks up who may use the files of an installation, and what disk they are on. Changes nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from config.files import rights_of_secret
from config.settings import Settings
from rules.diagnosis.doctor import FileFacts, SpaceFacts
from storage.engine.mounts import mount_of, mounts
from storage.engine.place import real_path

OTHERS_MAY_READ = 0o755
OTHERS_MAY_ENTER = 0o775
OWNER_ONLY = 0o700
NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


def file_facts(settings: Settings, config: Path | None, socket: Path) -> Iterator[FileFacts]:
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
        yield FileFacts(
            what=what,
            path=str(path),
            mode=mode,
            allowed=rights_of_secret(status) if what == "token file" else allowed,
            owner=status.st_uid,
            us=os.getuid(),
        )


def space_facts(database: Path) -> SpaceFacts:
    """The disk of the folder that holds the database or will hold it. Raises OSError."""
    database = real_path(database)
    folder = database.parent
    while not folder.exists():
        folder = folder.parent
    size = sum(
        path.stat().st_size for path in (database, Path(f"{database}-wal")) if path.is_file()
    )
    disk = shutil.disk_usage(folder)
    return SpaceFacts(
        folder=str(folder),
        free=disk.free,
        total=disk.total,
        database=size,
        file_system=None if (mount := mount_of(folder.resolve(), mounts())) is None else mount.kind,
        has_locks=_has_locks(folder),
    )


def _has_locks(folder: Path) -> bool:
    """Whether the kernel locks files there, tried on the folder itself, with a shared lock."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in NO_LOCKS
    finally:
        os.close(descriptor)
    return True


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
