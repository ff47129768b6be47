"""Watches over the actors from the daemon's main thread, and says what it finds to systemd.

It asks without waiting: a question is put, and whether its answer has come is looked at with
the next look. So an actor that hangs cannot hang the thread that is to notice it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from actors.heartbeats import Heartbeats
from actors.messages import CoordinatorStatus, GetSchedule, GetStatus, Ping
from actors.system import ActorSystem
from rules.diagnosis.liveness import LivenessFacts, liveness_failure
from service.systemd.sd_notify import SdNotify
from service.systemd.status_line import status_line

log = structlog.get_logger("watchdog")

BEATS = 4
"""Beats in each period of the watchdog: losing one or two of them does no harm."""


class Movement:
    """When something that should change was last seen to have changed."""

    def __init__(self, now: float) -> None:
        self.at = now
        self._seen: object = None

    def see(self, what: object, now: float) -> None:
        """What it looks like now."""
        if what != self._seen:
            self._seen, self.at = what, now


class Watchdog:
    """Feeds systemd's watchdog while the daemon is alive, and keeps its status line true.

    Used by one thread, every other second. `liveness` decides; what is wrong is logged once.
    """

    def __init__(
        self,
        sd_notify: SdNotify,
        system: ActorSystem,
        *,
        http_timeout: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`http_timeout` gives the setting as it is now.

        `clock` gives seconds that only go forward and stand still while the machine sleeps.
        """
        self._sd_notify = sd_notify
        self._event_queue = system.event_queue
        self._http_timeout = http_timeout
        self._clock = clock
        self._fed_at: float | None = None
        self._ill: str | None = None
        now, wiring = clock(), system.wiring
        self._beats = Heartbeats(
            {
                wiring.coordinator: GetStatus(),
                wiring.scheduler: GetSchedule(),
                wiring.supervisor: Ping(),
                wiring.logger: Ping(),
            },
            now=clock,
        )
        self._writes = Movement(now)
        self._run = Movement(now)

    @property
    def ill(self) -> str | None:
        """Why the daemon should be replaced; None while it is alive."""
        return self._ill

    @property
    def beat_seconds(self) -> float:
        """How often to look at least, so that the watchdog is fed in time."""
        period = self._sd_notify.watchdog_seconds
        return math.inf if period is None else period / BEATS

    def look(self) -> None:
        """Look after everybody, tell how it is, and feed the watchdog if all is well."""
        now = self._clock()
        self._beats.beat()
        ill = liveness_failure(self._vitals(now), http_timeout=self._http_timeout())
        if ill is not None and self._ill is None:
            log.critical("daemon_not_alive", reason=ill)
        elif ill is None and self._ill is not None:
            log.warning("daemon_alive_again", was=self._ill)
        self._ill = ill
        self._sd_notify.status(self._status() if ill is None else f"not alive: {ill}")
        if ill is None:
            self._feed(now)

    def _vitals(self, now: float) -> LivenessFacts:
        status: CoordinatorStatus | None = self._beats.answer("coordinator")
        cannot_write = self._event_queue.stuck_because is not None
        self._writes.see(self._event_queue.tries, now)
        # Nothing is expected to move while nothing can be written; its time begins anew after it.
        self._run.see(now if cannot_write else _moved(status), now)
        silent = self._beats.silent()
        return LivenessFacts(
            silent={role: silent[role] for role in ("coordinator", "scheduler", "supervisor")},
            logger_silent=min(silent["logger"], now - self._writes.at),
            run_quiet=None if _moved(status) is None else now - self._run.at,
            cannot_write=cannot_write,
        )

    def _status(self) -> str:
        status: CoordinatorStatus | None = self._beats.answer("coordinator")
        return status_line(
            None if status is None else status.current,
            self._beats.answer("scheduler"),
            trouble=self._event_queue.stuck_because,
            now=datetime.now(UTC),
        )

    def _feed(self, now: float) -> None:
        if self._sd_notify.watchdog_seconds is None or (
            self._fed_at is not None and now - self._fed_at < self.beat_seconds
        ):
            return
        self._sd_notify.alive()
        self._fed_at = now


def _moved(status: CoordinatorStatus | None) -> object:
    """What changes whenever anything of a run moves."""
    if status is None or status.current is None:
        return None
    run = status.current
    return run.run_id, run.cancelling, run.phases, status.requests
