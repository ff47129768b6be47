"""Finding the daemon of a database."""

from __future__ import annotations

from pathlib import Path

from config.settings import Settings
from control.client import ControlClient
from control.paths import socket_path
from storage.writer_lock import lock_path, read_holder


def control_of(settings: Settings, *, timeout: float = 5.0) -> ControlClient:
    """A client of the daemon on this database: by the socket its lock file names, else the usual.

    The daemon may have been started with another TESTIO_SOCKET_PATH than this command.
    """
    holder = read_holder(lock_path(settings.db_path))
    if holder is not None and holder.socket is not None and not holder.is_released:
        return ControlClient(Path(holder.socket), timeout=timeout)
    return ControlClient(socket_path(settings.db_path, settings.socket_path), timeout=timeout)
