"""From when on something is told: the only thing in which one judgement differs from another."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

INTERVALS = 4
"""So many refresh intervals may pass before what was read last is too old."""
RECONCILE_INTERVALS = 2
SILENT_SECONDS = 10.0
"""Actors that never wait answer at once; one that does not for so long is stuck."""
LOGGER_SILENT_SECONDS = 120.0
"""The Logger waits for the database: up to 30 s for another process, and while a fresh start is put
in place for longer."""
QUIET_SECONDS = 1_800.0
"""A worker whose product stores nothing for so long; `Retry-After` alone may take 20 minutes."""

ANSWER_SECONDS = 60.0
"""Restarting mends an actor that hangs. It does not mend a remote that is slow, nor a disk that is
full, and loses the events that wait for the disk: so a service manager waits longer."""
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


def quiet_limit(http_timeout: float) -> float:
    """The longest that a healthy run may show no movement, in seconds.

    The waits add up: parked, then a pause, then behind a probe, then a request that waits for
    another one to end, and at last the database.
    """
    return PARKED_SECONDS + RETRY_SECONDS + PROBE_SECONDS + 2 * http_timeout + STORE_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds and bytes beyond which something is told; `inf`: never."""

    current_seconds: float = inf
    complete_seconds: float = inf
    quiet_seconds: float = QUIET_SECONDS
    run_quiet_seconds: float = inf
    silent_seconds: float = SILENT_SECONDS
    logger_seconds: float = LOGGER_SILENT_SECONDS
    breaker_seconds: float = 60.0
    locked_seconds: float = 5.0
    """A transaction that waits for so long is worth a word; usually they wait for hundredths."""
    crowded: int = 1_000
    """Messages that wait for one actor; a phase that ends early may tell of as many."""
    log_bytes: int = 64 * 1024 * 1024
    """SQLite cuts its log to so much after each checkpoint that comes to its end."""

    @classmethod
    def of(
        cls, *, interval: float, reconcile: float, max_age: float, request_timeout: float = 0.0
    ) -> Limits:
        """What settings ask for; without periodic runs only a `max_age` limits any age."""
        current = max_age or (INTERVALS * interval if interval else inf)
        return cls(
            current_seconds=current,
            complete_seconds=max(RECONCILE_INTERVALS * reconcile, current),
            quiet_seconds=QUIET_SECONDS + 4 * request_timeout,
            run_quiet_seconds=quiet_limit(request_timeout),
        )

    @classmethod
    def of_life(cls, *, request_timeout: float) -> Limits:
        """When a service manager should replace the daemon."""
        return cls(
            silent_seconds=ANSWER_SECONDS,
            logger_seconds=WRITE_SECONDS,
            run_quiet_seconds=quiet_limit(request_timeout),
        )
