"""The daemon's own look at itself: gathers what `rules.diagnosis` judges, for all who want to know.

Fast whatever is wrong: actors are given a quarter of a second to answer, the database a second.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from actors.heartbeats import Heartbeats
from actors.messages import CoordinatorStatus, GetSchedule, GetStatus, Ping, ScheduleState
from actors.system import ActorSystem
from config.settings import Settings
from control.views import DaemonView, HealthReply
from rules.diagnosis.diagnose import CANNOT_WRITE, Diagnosis, diagnose
from rules.diagnosis.findings import Finding
from rules.diagnosis.limits import Limits
from rules.diagnosis.observations import (
    Access,
    DaemonSeen,
    DaemonState,
    MirrorSeen,
    Observations,
    Presence,
    Quiet,
)
from rules.run.remote_state import RemoteState
from service.log_place import with_log
from service.monitoring.disk_look import disk_of, token_place
from service.monitoring.health_report import reply_of
from service.monitoring.mirror_look import limits_of, look_into
from storage.engine.lock_owner import write_lock_owner

ANSWER_SECONDS = 0.25
LOOK_SECONDS = 10.0
"""Between two looks into the database while nobody asks."""


class Movement:
    """When something that should change was last seen to have changed."""

    def __init__(self, now: float) -> None:
        self.at = now
        self._seen: object = None

    def see(self, what: object, now: float) -> None:
        """What it looks like now."""
        if what != self._seen:
            self._seen, self.at = what, now


class Lookout:
    """One for each daemon. Thread-safe; never raises and never waits for long.

    The thread that beats calls `state` every other second and never waits; whoever asks for
    findings, on a thread of its own, gets them as they are now.
    """

    def __init__(
        self,
        *,
        settings: Callable[[], Settings],
        system: ActorSystem,
        daemon: DaemonView,
        remote: Callable[[], RemoteState],
        held_up_seconds: Callable[[], float] = lambda: 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`settings` gives them as they are now, `held_up_seconds` for how long the writing
        connection has been waiting for another program; `clock` stands still while the machine
        sleeps."""
        self.settings, self.system, self.daemon, self.remote = settings, system, daemon, remote
        self._held_up_seconds = held_up_seconds
        self.metrics_flaw: Callable[[], tuple[str, str] | None] = lambda: None
        self._clock = clock
        wiring = system.wiring
        # The actors that answer at once while all is well. Writer and workers may have work to do.
        self.heartbeats = Heartbeats(
            {
                wiring.supervisor: Ping(),
                wiring.coordinator: GetStatus(),
                wiring.logger: Ping(),
                **({wiring.scheduler: GetSchedule()} if system.has_schedule else {}),
            },
            clock,
        )
        self._looking = threading.Lock()
        self._writes, self._run = Movement(clock()), Movement(clock())
        self._latest: Diagnosis = ()
        self._looked_at = -math.inf
        self._signs: object = None

    def reply(self) -> HealthReply:
        """What `GET /v1/health` answers."""
        now, settings = datetime.now(UTC), self.settings()
        daemon = with_log(self.daemon, settings.log_file)
        return reply_of(self.findings(now), settings, now, daemon)

    def findings(self, now: datetime, *, wait_seconds: float = ANSWER_SECONDS) -> Diagnosis:
        """All that is wrong now, the most urgent first."""
        self.heartbeats.beat(wait_seconds=wait_seconds)
        self._latest, self._looked_at = diagnose(self.look(now), self._limits()), self._clock()
        return self._latest

    def trouble(self, now: datetime) -> Finding | None:
        """Why what happens cannot be written; None while it can, as far as is known."""
        state, limits = self.state(now), self._limits()
        if state.trouble is None and state.locked_seconds < limits.locked_seconds:
            return None
        return next((f for f in self.findings(now) if f.code in CANNOT_WRITE), None)

    def latest(self, state: DaemonState, now: datetime) -> Diagnosis:
        """The same as of some seconds ago, and of now where the daemon's state has changed."""
        signs = (state.trouble, tuple(state.missing), state.gave_up, state.metrics_flaw)
        if signs != self._signs or self._clock() - self._looked_at >= LOOK_SECONDS:
            self._signs = signs
            self.findings(now, wait_seconds=0.0)
        return self._latest

    def look(self, now: datetime) -> Observations:
        """What there is to be seen."""
        settings = self.settings()
        mirror = look_into(settings, since=self.daemon.started_at)
        state = self.state(now, mirror.paused_since)
        return Observations(
            now=now,
            daemon=DaemonSeen(
                presence=Presence.ANSWERS,
                pid=self.daemon.pid,
                place=self.daemon.socket,
                state=state,
            ),
            mirror=_of_a_daemon(mirror),
            disk=disk_of(settings.db_path),
            token=token_place(settings),
            writer=write_lock_owner(settings.db_path) if state.locked_seconds else "",
        )

    def schedule(self) -> ScheduleState | None:
        """The schedule as the Scheduler told it last; None before it did."""
        return self.heartbeats.answer("scheduler") if self.system.has_schedule else None

    def status(self) -> CoordinatorStatus | None:
        """The run at work as the Coordinator told it last; None before it did."""
        answer: CoordinatorStatus | None = self.heartbeats.answer("coordinator")
        return answer

    def state(self, now: datetime, paused_since: datetime | None = None) -> DaemonState:
        """What only the daemon knows, without asking anybody."""
        event_queue, remote, elapsed = self.system.event_queue, self.remote(), self.system.elapsed()
        silent, run_quiet = self._movements()
        return DaemonState(
            silent=silent,
            missing=self.system.missing(),
            mailboxes=self.system.mailboxes(),
            quiet=[
                Quiet(
                    role=each.role,
                    task=f"{each.phase.kind.value} of product {each.product_id}",
                    seconds=elapsed - each.moved,
                )
                for each in self.system.busy()
            ],
            run_quiet=run_quiet,
            gave_up=self.system.gave_up_because if self.system.gave_up.is_set() else None,
            trouble=event_queue.stuck_because,
            trouble_seconds=event_queue.stuck_seconds,
            locked_seconds=self._held_up_seconds(),
            breaker_open_seconds=remote.open_seconds,
            last_failure=remote.last_failure,
            paused_seconds=self._paused_seconds(now, paused_since),
            metrics_flaw=self.metrics_flaw(),
        )

    def _movements(self) -> tuple[dict[str, float], float | None]:
        """For how long each actor has been silent, and nothing of the run at work has moved."""
        event_queue, status = self.system.event_queue, self.status()
        silent = self.heartbeats.silent()
        with self._looking:
            now = self._clock()
            # Behind a database that is locked, a Ping waits longer than the writing does.
            self._writes.see(event_queue.tries, now)
            silent["logger"] = min(silent["logger"], now - self._writes.at)
            # Nothing is expected to move while nothing can be written; its time begins anew then.
            self._run.see(now if event_queue.stuck_because else _moved(status), now)
            return silent, None if _moved(status) is None else now - self._run.at

    def _limits(self) -> Limits:
        schedule = self.schedule()
        interval = None if schedule is None else schedule.interval_seconds
        return limits_of(self.settings(), interval)

    def _paused_seconds(self, now: datetime, since: datetime | None) -> float | None:
        schedule = self.schedule()
        if schedule is None or not schedule.paused:
            return None
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _of_a_daemon(mirror: MirrorSeen) -> MirrorSeen:
    """A daemon has its database open: one that is not there any more was taken away."""
    if mirror.access is not Access.MISSING:
        return mirror
    return replace(mirror, access=Access.GONE, why=f"{mirror.path} is not there any more")


def _moved(status: CoordinatorStatus | None) -> object:
    """What changes whenever anything of a run moves."""
    if status is None or status.current is None:
        return None
    run = status.current
    return run.run_id, run.cancelling, run.phases, status.requests
