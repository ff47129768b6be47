"""Whether the daemon is alive enough that a service manager should leave it alone.

Restarting mends a thread that hangs. It does not mend a remote that is slow, nor a disk that is
full, and it loses the events that wait in memory for the disk. Hence the limits here: each is
longer than the longest wait that is part of ordinary work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ANSWER_SECONDS = 60.0
"""An actor that never waits for anything has hung if it does not answer for so long."""

WRITE_SECONDS = 600.0
"""The Logger waits for the database, where one transaction may replace the whole mirror."""

PARKED_SECONDS = 300.0
"""The longest `Retry-After` that is honoured."""

RETRY_SECONDS = 20.0
"""The longest pause between two attempts."""

PROBE_SECONDS = 10.0
"""How long the breaker lets requests wait for the result of a probe."""

STORE_SECONDS = 300.0
"""The longest that a page, or a fresh start, may take to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LivenessFacts:
    """What is known of the daemon's life, in seconds.

    `silent`: by role, since the actor gave an answer. `logger_silent`: since the Logger answered
    or came back from writing. `run_quiet`: since anything of the run at work moved (a request came
    back, a product ended, a phase began); None without a run. `cannot_write`: the Logger says that
    the database takes nothing at the moment.
    """

    silent: Mapping[str, float]
    logger_silent: float
    run_quiet: float | None
    cannot_write: bool


def quiet_limit(http_timeout: float) -> float:
    """The longest that a healthy run may show no movement, in seconds.

    The waits add up: parked, then a pause, then behind a probe, then a request that waits for
    another one to end, and at last the database.
    """
    return PARKED_SECONDS + RETRY_SECONDS + PROBE_SECONDS + 2 * http_timeout + STORE_SECONDS


def liveness_failure(facts: LivenessFacts, *, http_timeout: float) -> str | None:
    """Why the daemon should be replaced, for people; None while it is alive.

    A run that cannot end because its end cannot be written is not a reason: what waits in memory
    would be lost, and the next process would meet the same disk.
    """
    for role, seconds in facts.silent.items():
        if seconds > ANSWER_SECONDS:
            return f"the {role} has not answered for {seconds:.0f} s"
    if facts.logger_silent > WRITE_SECONDS:
        return f"the logger has not answered for {facts.logger_silent:.0f} s"
    if facts.cannot_write or facts.run_quiet is None:
        return None
    if facts.run_quiet > quiet_limit(http_timeout):
        return f"nothing of the run at work has moved for {facts.run_quiet:.0f} s"
    return None
