"""Finding the daemon of a database."""

from __future__ import annotations

import os
from pathlib import Path

from config.settings import Settings
from control.client import ControlClient
from control.paths import is_trustworthy, socket_path
from control.protocol import NO_DATABASE
from storage.engine.lock_holder import ENDS, Role, lock_path, present_holder, read_holder
from storage.engine.place import identity_of, owner_of


def control_of(settings: Settings, *, timeout: float = 5.0) -> ControlClient:
    """A client of the daemon on this database: by the socket its lock file names, else the usual.

    The daemon may have been started with another TESTIO_SOCKET_PATH than this command; one of
    another database refuses.
    """
    meant = identity_of(settings.db_path) or NO_DATABASE
    lock = lock_path(settings.db_path)
    holder = read_holder(lock)
    path = socket_path(settings.db_path, settings.socket_path)
    if holder is not None and holder.socket is not None and not holder.is_released:
        path = Path(holder.socket)
    return ControlClient(path, timeout=timeout, nobody=_why_nobody(lock, path), database=meant)


def _why_nobody(lock: Path, path: Path) -> str | None:
    """What to say where no daemon answers; None: none runs."""
    if (hidden := hidden_place(lock, path)) is not None:
        owner = owner_of(hidden)
        return f"whether a daemon runs is not known: {hidden} belongs to {owner}; ask as that user"
    holder = present_holder(lock)
    if holder is None:
        return None
    if holder.role == Role.ONE_SHOT:
        return f"no daemon runs; the {holder} is at work: {ENDS}"
    return f"the {holder}, does not answer on {path}; `testio-sync health` says what to do"


def hidden_place(lock: Path, control: Path) -> Path | None:
    """What this user may not look at, so that nobody knows whether a daemon runs; None if all can
    be seen."""
    try:
        os.close(os.open(lock, os.O_RDONLY | os.O_NONBLOCK))
    except PermissionError:
        return lock
    except OSError:
        pass
    try:
        control.stat()
    except PermissionError:
        return control.parent
    except OSError:
        return None
    return None if is_trustworthy(control) else control.parent
