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
    DAMAGED = 9
    CANCELLED = 130


MEANINGS: dict[ExitStatus, str] = {
    ExitStatus.DONE: "done",
    ExitStatus.FAILED: "failed; health: not healthy; notify: did not arrive",
    ExitStatus.USAGE: (
        "wrong usage or configuration; an id that does not exist (problems, "
        "deletions, runs show, reading verbs); a file in the way (backup, export); "
        "an extra that is not installed; another account's database"
    ),
    ExitStatus.PARTIAL: (
        "partial: something in scope is not complete or is stale; the database says "
        "what. verify: a difference that nothing explains, or something that could "
        "not be compared. check --deny-warnings: warnings"
    ),
    ExitStatus.BUSY: (
        "busy: another process holds the writer lock, the message says which; or a "
        "run waits already that this request cannot share"
    ),
    ExitStatus.CREDENTIALS: "the remote refused the token",
    ExitStatus.DATABASE: "the database cannot be used",
    ExitStatus.NO_DAEMON: "no daemon runs on this database",
    ExitStatus.GAVE_UP: (
        "the daemon gave up after too many restarts; the log and sync_events say why"
    ),
    ExitStatus.DAMAGED: "the database is damaged; testio-sync rebuild makes it anew",
    ExitStatus.CANCELLED: "cancelled, or not confirmed",
}
"""What each one says to a person; the table of the README says the same."""
