"""Watches over the actors from the daemon's main thread, and says what it finds to systemd.

It asks without waiting: a question is put, and whether its answer has come is looked at a second
later. So an actor that hangs cannot hang the thread that is to notice it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pykka
import structlog

from actors.base import Address, HandlerFailed
from actors.messages import CoordinatorStatus, GetSchedule, GetStatus, Ping, RunProgress
from actors.system import ActorSystem
from rules.liveness import Vitals, ailment
from service.notify import Notifier
from service.status_line import status_line

log = structlog.get_logger("watchdog")

BEATS = 4
"""Beats in each period of the watchdog: losing one or two of them does no harm."""


class Question:
    """One question to whoever fills a role, put again once it is answered. It never waits."""

    def __init__(self, address: Address, message: object, now: float) -> None:
        self.answer: Any = None
        self.answered_at = now
        self._address = address
        self._message = message
        self._asked: tuple[str, pykka.Future[Any]] | None = None

    def look(self, now: float) -> None:
        """Take the answer if it has come, and ask again."""
        ref = self._address.ref
        if self._asked is not None and self._has_ended(*self._asked, now):
            self._asked = None
        if self._asked is not None and ref is not None and ref.actor_urn != self._asked[0]:
            self._asked = None  # it was put to an actor that was replaced
        if self._asked is None and ref is not None:
            self._asked = (ref.actor_urn, ref.ask(self._message, block=False))

    def _has_ended(self, _urn: str, future: pykka.Future[Any], now: float) -> bool:
        try:
            self.answer = future.get(timeout=0)
        except pykka.Timeout:
            return False
        except (pykka.ActorDeadError, HandlerFailed):
            return True
        self.answered_at = now
        return True


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

    Used by one thread, once a second. `rules.liveness` decides; what is wrong is logged once.
    """

    def __init__(
        self,
        notifier: Notifier,
        system: ActorSystem,
        *,
        http_timeout: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`http_timeout` gives the setting as it is now.

        `clock` gives seconds that only go forward and stand still while the machine sleeps.
        """
        self._notifier = notifier
        self._journal = system.journal
        self._http_timeout = http_timeout
        self._clock = clock
        self._fed_at: float | None = None
        self._ill: str | None = None
        now, wiring = clock(), system.wiring
        self._coordinator = Question(wiring.coordinator, GetStatus(), now)
        self._scheduler = Question(wiring.scheduler, GetSchedule(), now)
        self._supervisor = Question(wiring.supervisor, Ping(), now)
        self._logger = Question(wiring.logger, Ping(), now)
        self._writes = Movement(now)
        self._run = Movement(now)

    @property
    def ill(self) -> str | None:
        """Why the daemon should be replaced; None while it is alive."""
        return self._ill

    def look(self) -> None:
        """Look after everybody, tell how it is, and feed the watchdog if all is well."""
        now = self._clock()
        for question in (self._coordinator, self._scheduler, self._supervisor, self._logger):
            question.look(now)
        ill = ailment(self._vitals(now), http_timeout=self._http_timeout())
        if ill is not None and self._ill is None:
            log.critical("daemon_not_alive", reason=ill)
        elif ill is None and self._ill is not None:
            log.warning("daemon_alive_again", was=self._ill)
        self._ill = ill
        self._notifier.status(self._status() if ill is None else f"not alive: {ill}")
        if ill is None:
            self._feed(now)

    def _vitals(self, now: float) -> Vitals:
        run, cannot_write = self._current, self._journal.stuck_because is not None
        self._writes.see(self._journal.tries, now)
        # Nothing is expected to move while nothing can be written; its time begins anew after it.
        self._run.see(now if cannot_write else _moved(run), now)
        return Vitals(
            silent={
                "coordinator": now - self._coordinator.answered_at,
                "scheduler": now - self._scheduler.answered_at,
                "supervisor": now - self._supervisor.answered_at,
            },
            logger_silent=now - max(self._logger.answered_at, self._writes.at),
            run_quiet=None if run is None else now - self._run.at,
            cannot_write=cannot_write,
        )

    @property
    def _current(self) -> RunProgress | None:
        answer: CoordinatorStatus | None = self._coordinator.answer
        return None if answer is None else answer.current

    def _status(self) -> str:
        return status_line(
            self._current,
            self._scheduler.answer,
            trouble=self._journal.stuck_because,
            now=datetime.now(UTC),
        )

    def _feed(self, now: float) -> None:
        period = self._notifier.watchdog_seconds
        if period is None or (self._fed_at is not None and now - self._fed_at < period / BEATS):
            return
        self._notifier.alive()
        self._fed_at = now


def _moved(run: RunProgress | None) -> object:
    """What changes whenever anything of a run moves."""
    return None if run is None else (run.run_id, run.cancelling, run.requests, run.phases)
