"""Finding the daemon of a database."""

from __future__ import annotations

from pathlib import Path

from config.settings import Settings
from control.client import ControlClient
from control.paths import socket_path
from control.protocol import NO_DATABASE
from storage.engine.place import identity_of
from storage.engine.writer_lock import ENDS, Role, lock_path, present_holder, read_holder


def control_of(settings: Settings, *, timeout: float = 5.0) -> ControlClient:
    """A client of the daemon on this database: by the socket its lock file names, else the usual.

    The daemon may have been started with another TESTIO_SOCKET_PATH than this command; one of
    another database refuses.
    """
    meant = identity_of(settings.db_path) or NO_DATABASE
    holder = read_holder(lock_path(settings.db_path))
    if holder is not None and holder.socket is not None and not holder.is_released:
        return ControlClient(Path(holder.socket), timeout=timeout, database=meant)
    path = socket_path(settings.db_path, settings.socket_path)
    return ControlClient(path, timeout=timeout, nobody=_one_shot(settings), database=meant)


def _one_shot(settings: Settings) -> str | None:
    """What to say, where no daemon answers, of a sync that does without."""
    holder = present_holder(lock_path(settings.db_path))
    if holder is None or holder.role != Role.ONE_SHOT:
        return None
    return f"no daemon runs; the {holder} is at work: {ENDS}"
