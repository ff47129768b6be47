"""Names that cannot be resolved, inside a process: nothing outside can cause that alone."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any


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
