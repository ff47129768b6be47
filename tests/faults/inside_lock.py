"""A file system without locks, as a process sees it."""

from __future__ import annotations

import errno
import fcntl
import os
from typing import Any

NO_LOCKS = f"{__name__}:no_locks"


def no_locks(name: str) -> None:
    """The kernel refuses to lock any file; `name` is that of the error."""
    number = getattr(errno, name)

    def refuse(*_given: Any) -> None:
        raise OSError(number, os.strerror(number))

    fcntl.flock = refuse
