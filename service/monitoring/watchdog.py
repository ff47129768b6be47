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

from rules.diagnosis.diagnose import not_alive
from rules.diagnosis.findings import Severity
from rules.diagnosis.limits import Limits
from rules.diagnosis.observations import DaemonState
from service.monitoring.lookout import Lookout
from service.systemd.sd_notify import SdNotify
from service.systemd.status_line import status_line

log = structlog.get_logger("watchdog")

BEATS = 4
"""Beats in each period of the watchdog: losing one or two of them does no harm."""


class Watchdog:
    """Feeds systemd's watchdog while the daemon is alive, and keeps its status line true.

    Used by one thread, every other second. `rules.diagnosis` decides; what is wrong is logged once.
    """

    def __init__(
        self,
        sd_notify: SdNotify,
        lookout: Lookout,
        *,
        http_timeout: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`http_timeout` gives the setting as it is now.

        `clock` gives seconds that only go forward and stand still while the machine sleeps.
        """
        self._sd_notify = sd_notify
        self._lookout = lookout
        self._http_timeout = http_timeout
        self._clock = clock
        self._fed_at: float | None = None
        self._ill: str | None = None

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
        """Look after everybody, tell how it is, and feed the watchdog if all is well.

        Never raises: what fails in it ends no daemon, and feeds nothing.
        """
        try:
            self._look()
        except Exception:
            log.exception("watchdog_failed")

    def _look(self) -> None:
        self._lookout.heartbeats.beat()
        now = datetime.now(UTC)
        state = self._lookout.state(now)
        found = not_alive(state, Limits.of_life(request_timeout=self._http_timeout()), now)
        ill = None if found is None else found.said(now)
        if ill is not None and self._ill is None:
            log.critical("daemon_not_alive", reason=ill)
        elif ill is None and self._ill is not None:
            log.warning("daemon_alive_again", was=self._ill)
        self._ill = ill
        self._sd_notify.status(self._status(state, now) if ill is None else f"not alive: {ill}")
        if ill is None:
            self._feed(self._clock())

    def _status(self, state: DaemonState, now: datetime) -> str:
        status = self._lookout.status()
        return status_line(
            None if status is None else status.current,
            self._lookout.schedule(),
            [f for f in self._lookout.latest(state, now) if f.severity is Severity.ERROR],
            now=now,
        )

    def _feed(self, now: float) -> None:
        if self._sd_notify.watchdog_seconds is None or (
            self._fed_at is not None and now - self._fed_at < self.beat_seconds
        ):
            return
        self._sd_notify.alive()
        self._fed_at = now
