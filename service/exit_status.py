"""The exit statuses of every command. They are public: scripts and systemd units rely on them."""

from __future__ import annotations

from enum import IntEnum


class DaemonFailed(Exception):
    """The daemon could not come up; the text says why."""


class ExitStatus(IntEnum):
    """What the number that a process ends with means."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PARTIAL = 3
    BUSY = 4
    CREDENTIALS = 5
    DATABASE = 6
    NO_DAEMON = 7
    GAVE_UP = 8
    CANCELLED = 130
