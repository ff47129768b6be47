"""Names that cannot be resolved, inside a process: nothing outside can cause that alone."""

from __future__ import annotations

import os
import socket
import time
from functools import partialmethod
from pathlib import Path
from typing import Any

from testio.limits import Breaker
from testio.transport import TransportOptions


def hour_in_seconds() -> None:
    """Pauses as much shorter as an interval of a second is than one of fifteen minutes."""
    for own, quick in (
        (Breaker, {"patience": 0.3, "first_pause": 0.05, "longest_pause": 0.1}),
        (TransportOptions, {"first_pause_seconds": 0.01, "longest_pause_seconds": 0.05}),
    ):
        setattr(own, "__init__", partialmethod(own.__init__, **quick))  # noqa: B010


def names_fail(flag: str, calls: str, seconds: str) -> None:
    """While the file `flag` exists, each look-up fails after so many seconds.

    It is noted in the file `calls`, with one byte.
    """
    look_up = socket.getaddrinfo

    def fail(*given: Any, **named: Any) -> Any:
        if not Path(flag).exists():
            return look_up(*given, **named)
        note = os.open(calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(note, b".")
        os.close(note)
        time.sleep(float(seconds))
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    socket.getaddrinfo = fail
