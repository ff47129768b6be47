"""Which exit status and which words belong to which failure; the rest is a bug and shows itself.

Failures stand here by name: a kind can only be met if its module is loaded, and loading all of
them would cost a command that has failed half a second.
"""

from __future__ import annotations

import sys

from cli.usage import UsageError as UsageError
from config.threads import NoThread, is_no_thread
from service.exit_status import ExitStatus

STATUSES: tuple[tuple[str, str, ExitStatus], ...] = (
    ("cli.usage", "UsageError", ExitStatus.USAGE),
    ("config.problems", "SettingsError", ExitStatus.USAGE),
    ("control.server", "NoSocket", ExitStatus.USAGE),
    ("service.read_through.api", "CannotAnswer", ExitStatus.USAGE),
    ("storage.engine.atomic_file", "CannotPublish", ExitStatus.USAGE),
    ("service.checkup.rebuild", "CannotRebuild", ExitStatus.USAGE),
    ("storage.engine.errors", "LockHeld", ExitStatus.BUSY),
    ("storage.engine.errors", "DatabaseDamaged", ExitStatus.DAMAGED),
    ("storage.engine.errors", "StorageError", ExitStatus.DATABASE),
    ("control.errors", "NoDaemon", ExitStatus.NO_DAEMON),
    ("control.errors", "NoSuchEntry", ExitStatus.USAGE),
    ("control.errors", "Refused", ExitStatus.USAGE),
    ("control.errors", "ControlError", ExitStatus.FAILED),
    ("service.sync_service", "SyncFailed", ExitStatus.FAILED),
    ("service.exit_status", "DaemonFailed", ExitStatus.FAILED),
    ("service.systemd.unit_text", "ServiceRefused", ExitStatus.FAILED),
    ("config.threads", "NoThread", ExitStatus.FAILED),
)
"""By module and name, the more special kind before the more general one."""


def explain(error: Exception) -> int:
    """Say on stderr what is wrong, and return the exit status. Raises what it does not know."""
    if isinstance(error, RuntimeError) and is_no_thread(error):
        error = NoThread()
    for module, name, status in STATUSES:
        if module in sys.modules and isinstance(error, getattr(sys.modules[module], name)):
            print(f"testio-sync: {error}", file=sys.stderr)
            return status
    raise error
