"""Where the control socket of a database is, so that both ends find it without asking."""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import struct
import tempfile
from pathlib import Path

LONGEST = 100
"""Bytes of a socket's path that every system takes (Linux 107, others 103)."""

RUNTIME = "/run/user"
MOST_TRIED = 100
CREDENTIALS = struct.Struct("3i")
"""Linux' `struct ucred`: process, user and group."""


def socket_path(database: Path, configured: Path | None = None) -> Path:
    """The socket of the daemon on this database.

    Beside the file itself, in a folder of its own that only the owner may enter; in the user's
    runtime folder where that path would be too long. All paths of a file lead to one socket.
    """
    if configured is not None:
        return configured
    real = Path(os.path.realpath(database))
    beside = real.with_name(real.name + ".control") / "socket"
    if len(os.fsencode(beside)) <= LONGEST:
        return beside
    digest = hashlib.blake2b(os.fsencode(real), digest_size=8).hexdigest()
    return _own_folder(f"testio-sync-{os.getuid()}-{digest}") / "socket"


def _own_folder(name: str) -> Path:
    """A folder of this name where nobody else can have made it, or the first that nobody has.

    In the folder for everybody's files anybody may make one of this name, but neither take ours
    away nor make the one that is next in place of it; so both ends come to the same.
    """
    for runtime in (os.environ.get("XDG_RUNTIME_DIR"), f"{RUNTIME}/{os.getuid()}"):
        if runtime and len(runtime) < LONGEST // 2 and _is_private(Path(runtime)):
            return Path(runtime) / name
    shared = Path(tempfile.gettempdir())
    folders = [shared / name, *(shared / f"{name}-{number}" for number in range(2, MOST_TRIED))]
    owned = next((folder for folder in folders if _is_private(folder)), None)
    return owned or next((f for f in folders if not os.path.lexists(f)), folders[0])


def _is_private(folder: Path) -> bool:
    """Whether it is a folder of this user's that nobody else may enter."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    is_folder = stat.S_ISDIR(status.st_mode)
    return is_folder and status.st_uid == os.getuid() and not status.st_mode & 0o077


def is_blocked(path: Path) -> bool:
    """Whether something that is no socket stands in the socket's place."""
    try:
        return not stat.S_ISSOCK(path.lstat().st_mode)
    except OSError:
        return False


def is_trustworthy(path: Path) -> bool:
    """Whether the socket's folder is this user's and no others may enter it, so that nobody else
    listens there.

    Root may talk to the daemon of any user, but not where everybody can make such a folder.
    """
    try:
        folder, above = path.parent.stat(), path.parent.parent.stat()
    except OSError:
        return False
    me = os.geteuid()
    if folder.st_mode & 0o077:
        return False
    return folder.st_uid == me or (me == 0 and not above.st_mode & stat.S_IWOTH)


def is_trusted_peer(connected: socket.socket, path: Path) -> bool:
    """Whether who listens on the socket is root or the user that its folder belongs to.

    The kernel says who; where it does not, the folder is all there is to go by.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    said = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    _pid, uid, _gid = CREDENTIALS.unpack(said)
    return uid in (0, path.parent.stat().st_uid)
