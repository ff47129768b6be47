"""Which exit status and which words belong to which failure; the rest is a bug and shows itself."""

from __future__ import annotations

import sys

from cli.usage import UsageError as UsageError
from config.problems import SettingsError
from control.client import ControlError, Declined, NoDaemon, NotThere
from control.protocol import NoSuchEntry
from control.server import NoSocket
from service.exit_status import DaemonFailed, ExitStatus
from service.read_through import CannotAnswer
from service.sync_service import SyncFailed
from service.unit_text import ServiceRefused
from storage.errors import LockHeld, StorageError
from storage.publishing import CannotPublish

STATUSES: tuple[tuple[type[Exception], ExitStatus], ...] = (
    (UsageError, ExitStatus.USAGE),
    (SettingsError, ExitStatus.USAGE),
    (NoSocket, ExitStatus.USAGE),
    (CannotAnswer, ExitStatus.USAGE),
    (CannotPublish, ExitStatus.USAGE),
    (LockHeld, ExitStatus.BUSY),
    (StorageError, ExitStatus.DATABASE),
    (NoDaemon, ExitStatus.NO_DAEMON),
    (NoSuchEntry, ExitStatus.USAGE),
    (NotThere, ExitStatus.USAGE),
    (Declined, ExitStatus.USAGE),
    (ControlError, ExitStatus.FAILED),
    (SyncFailed, ExitStatus.FAILED),
    (DaemonFailed, ExitStatus.FAILED),
    (ServiceRefused, ExitStatus.FAILED),
)


def explain(error: Exception) -> int:
    """Say on stderr what is wrong, and return the exit status. Raises what it does not know."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            print(f"testio-sync: {error}", file=sys.stderr)
            return status
    raise error
