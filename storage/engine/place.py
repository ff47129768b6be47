"""Which file a database is, whatever the path, and where one cannot be: the lock is beside it.

A database is the file, not its path: lock, log, socket and copies are beside the real file, so
that all paths through symbolic links give one of each. What would give a file a second set of them
cannot be seen through, and is refused.
"""

from __future__ import annotations

import errno
import os
import pwd
import threading
from collections.abc import Iterable
from pathlib import Path
from weakref import WeakValueDictionary

from rules.host.file_systems import shared_flaw
from storage.engine.errors import NOT_ALLOWED, NotAllowed, StorageError, remedy
from storage.engine.mounts import Mount, mount_of, mounts

_held: WeakValueDictionary[str, object] = WeakValueDictionary()
_holding = threading.Lock()
ELSEWHERE = "put TESTIO_DB_PATH on a local disk (in a container: on a named volume)"


def real_path(path: Path) -> Path:
    """The file itself, behind all symbolic links."""
    return Path(os.path.realpath(path))


def is_missing(path: Path) -> bool:
    """Whether there is nothing at the path. Where we may not look, nobody knows: then it is not."""
    try:
        path.stat()
    except OSError as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
    return False


def status_of(path: Path) -> os.stat_result | None:
    """What the file system says of it; None where nothing is. Raises StorageError."""
    try:
        return None if is_missing(path) else path.stat()
    except OSError as error:
        reason = f"{error.strerror}{remedy(error)}"
        kind = NotAllowed if error.errno in NOT_ALLOWED else StorageError
        raise kind(f"{path} cannot be read: {reason}") from error


def owner_of(path: Path) -> str:
    """The name of the user that a file belongs to, or the nearest folder above that can be seen."""
    for place in (path, *path.absolute().parents):
        try:
            uid = place.stat().st_uid
        except OSError:
            continue
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return str(uid)
    return ""


def identity_of(path: Path) -> str | None:
    """`device:inode` of the file; None while there is none."""
    try:
        return identity_from(path.stat())
    except OSError:
        return None


def identity_from(status: os.stat_result) -> str:
    """The same, of what is known already."""
    return f"{status.st_dev}:{status.st_ino}"


def hold(identity: str, by: object) -> bool:
    """This process writes to that file from now on; False where it does so already."""
    with _holding:
        if identity in _held:
            return False
        _held[identity] = by
        return True


def let_go(identity: str, by: object) -> None:
    """It does so no more. A second call does nothing."""
    with _holding:
        if _held.get(identity) is by:
            del _held[identity]


def is_held(path: Path) -> bool:
    """Whether this process writes to the file at the path. Opens nothing."""
    identity = identity_of(path)
    with _holding:
        return identity is not None and identity in _held


def alias_flaw(path: Path, table: Iterable[Mount] | None = None) -> tuple[str, str] | None:
    """Why the file has other paths, each with a lock of its own, and what mends that; or None."""
    real = real_path(path)
    try:
        links = real.stat().st_nlink
    except OSError:
        return None  # there is none yet, or whoever opens it says why not
    if links > 1 and real.is_file():
        return (
            f"{real} has {links} hard links, and each would have a lock and a log of its own",
            f"leave one of them (find . -samefile {real.name}), or copy it: testio-sync backup",
        )
    if any(mount.place == real for mount in (mounts() if table is None else table)):
        return (
            f"{real} is itself a mount point, and its lock and log would not be beside the file",
            "mount the folder that it is in",
        )
    return None


def refuse_unsafe_place(path: Path, table: Iterable[Mount] | None = None) -> None:
    """Raise StorageError where one lock and one log for the database cannot be had.

    Opens nothing. `table`: what is mounted, by default what the kernel says.
    """
    seen = mounts() if table is None else tuple(table)
    if (flaw := alias_flaw(path, seen)) is not None:
        raise StorageError("; ".join(flaw))
    folder = real_path(path).parent
    mount = mount_of(folder, seen)
    if mount is not None and (why := shared_flaw(mount.kind)):
        raise StorageError(
            f"{folder} is on {mount.kind}, a file system {why}, where neither the writer lock nor "
            f"SQLite's WAL is safe; {ELSEWHERE}"
        )
