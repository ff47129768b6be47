"""Looks at what an installation stands on: the disk, and where the token is. Changes nothing."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path

from config.problems import SettingsError
from config.settings import Settings
from config.token import find_token
from rules.diagnosis.observations import DiskSeen
from storage.engine.mounts import mount_of, mounts
from storage.engine.place import real_path

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


def token_place(settings: Settings) -> str | None:
    """Where the token stands, for people; None where it is not found."""
    try:
        return find_token(settings)[0]
    except (SettingsError, OSError):
        return None


def disk_of(database: Path) -> DiskSeen | None:
    """The disk below the database; None where that cannot be seen."""
    try:
        return disk_seen(database)
    except OSError:
        return None


def disk_seen(database: Path, *, closely: bool = False) -> DiskSeen:
    """The disk of the folder that holds the database or will hold it. Raises OSError.

    `closely`: also what file system it is, and whether that has locks.
    """
    database = real_path(database)
    folder = database.parent
    while not folder.exists():
        folder = folder.parent
    size = sum(
        path.stat().st_size for path in (database, Path(f"{database}-wal")) if path.is_file()
    )
    disk = shutil.disk_usage(folder)
    seen = DiskSeen(folder=str(folder), free=disk.free, total=disk.total, database=size)
    return _closely(seen, folder) if closely else seen


def _closely(seen: DiskSeen, folder: Path) -> DiskSeen:
    mount = mount_of(folder.resolve(), mounts())
    return DiskSeen(
        folder=seen.folder,
        free=seen.free,
        total=seen.total,
        database=seen.database,
        file_system=None if mount is None else mount.kind,
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
