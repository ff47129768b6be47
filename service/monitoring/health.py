"""The daemon's own judgement: gathers what rules.diagnosis.health judges.

Fast whatever is wrong: actors are given a quarter of a second to answer, the database a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from actors.heartbeats import Heartbeats
from actors.messages import GetSchedule, GetStatus, Ping, ScheduleState
from actors.system import ActorSystem
from config.settings import Settings
from control.views import DaemonView, HealthReply
from rules.diagnosis.health import DaemonState, Facts, HealthVerdict, Limits, Quiet, judge
from rules.run.remote_state import RemoteState
from service.log_place import with_log
from service.monitoring.health_report import limits_of, read_database, reply_of

ANSWER_SECONDS = 0.25


def heartbeats_of(system: ActorSystem, now: Callable[[], float] = time.monotonic) -> Heartbeats:
    """The actors that answer at once while all is well. Writer and workers may have work to do."""
    wiring = system.wiring
    return Heartbeats(
        {
            wiring.supervisor: Ping(),
            wiring.coordinator: GetStatus(),
            wiring.logger: Ping(),
            **({wiring.scheduler: GetSchedule()} if system.has_schedule else {}),
        },
        now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """The daemon's own judgement. Thread-safe; `verdict` never raises and never waits for long.

    `settings` gives them as they are now.
    """

    settings: Callable[[], Settings]
    system: ActorSystem
    daemon: DaemonView
    remote: Callable[[], RemoteState]
    heartbeats: Heartbeats

    def reply(self) -> HealthReply:
        """What `GET /v1/health` answers."""
        now, settings = datetime.now(UTC), self.settings()
        return reply_of(self.verdict(now), settings, now, with_log(self.daemon, settings.log_file))

    def verdict(self, now: datetime) -> HealthVerdict:
        """Whether all is well, and if not, why."""
        self.heartbeats.beat(wait_seconds=ANSWER_SECONDS)
        known = read_database(self.settings(), since=self.daemon.started_at)
        daemon = self._living(now, known.paused_since)
        facts = Facts(
            now=now,
            daemon=daemon,
            listings=known.listings,
            last_run=known.last_run,
            database_error=known.error,
        )
        return judge(facts, self._limits())

    def schedule(self) -> ScheduleState | None:
        """The schedule as the Scheduler told it last; None before it did."""
        return self.heartbeats.answer("scheduler") if self.system.has_schedule else None

    def _limits(self) -> Limits:
        schedule = self.schedule()
        interval = None if schedule is None else schedule.interval_seconds
        return limits_of(self.settings(), interval)

    def _living(self, now: datetime, paused_since: datetime | None) -> DaemonState:
        event_queue, remote, elapsed = self.system.event_queue, self.remote(), self.system.elapsed()
        return DaemonState(
            silent=self.heartbeats.silent(),
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
            gave_up=self.system.gave_up_because if self.system.gave_up.is_set() else None,
            trouble=event_queue.stuck_because,
            trouble_seconds=event_queue.stuck_seconds,
            breaker_open_seconds=remote.open_seconds,
            last_failure=remote.last_failure,
            paused_seconds=self._paused_seconds(now, paused_since),
        )

    def _paused_seconds(self, now: datetime, since: datetime | None) -> float | None:
        schedule = self.schedule()
        if schedule is None or not schedule.paused:
            return None
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())
