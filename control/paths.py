"""Where the control socket of a database is, so that both ends find it without asking."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

LONGEST = 100
"""Bytes of a socket's path that every system takes (Linux 107, others 103)."""


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
    return _runtime_folder() / f"testio-sync-{os.getuid()}-{digest}" / "socket"


def _runtime_folder() -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR")
    return Path(given) if given and len(given) < LONGEST // 2 else Path(tempfile.gettempdir())


def is_trustworthy(socket: Path) -> bool:
    """Whether the socket's folder belongs to this user, so that nobody else listens there.

    Root may talk to the daemon of any user, but not where everybody can make such a folder.
    """
    try:
        owner, above = socket.parent.stat().st_uid, socket.parent.parent.stat()
    except OSError:
        return False
    me = os.geteuid()
    return owner == me or (me == 0 and not above.st_mode & stat.S_IWOTH)
