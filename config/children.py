"""What the processes that this program starts find in their environment: none of its secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping

NOT_PASSED_ON = (
    "TESTIO_CUSTOMER_API_TOKEN",
    "TESTIO_PROXY_URL",
    "TESTIO_NOTIFY_WEBHOOK_URL",
    "CREDENTIALS_DIRECTORY",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
)
"""What is ours alone: secrets, and the line to systemd."""


def passed_on(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child process; names count in any spelling, as they do for settings."""
    environ = os.environ if environ is None else environ
    return {name: value for name, value in environ.items() if name.upper() not in NOT_PASSED_ON}


def forget() -> None:
    """Take them out of this process's own environment, where a library starts the children."""
    for name in set(os.environ) - set(passed_on()):
        del os.environ[name]
