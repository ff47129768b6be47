"""Gathers what is judged by rules.health, in the daemon and from the database alone.

Fast whatever is wrong: actors are given a quarter of a second to answer, the database a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from actors.heartbeats import Heartbeats
from actors.messages import GetSchedule, GetStatus, Ping, ScheduleState
from actors.system import ActorSystem
from config.settings import Settings
from control.protocol import DaemonView, FindingView, HealthReply
from rules.events import Entry, EventName, SyncEvent
from rules.health import Check, Facts, Finding, Limits, Listing, Living, Quiet, Verdict, judge
from rules.model import Kind
from storage import watching
from storage.errors import StorageError
from storage.queries import Row
from storage.times import as_instant
from testio.tally import RemoteState

ANSWER_SECONDS = 0.25
DATABASE_SECONDS = 1.0


def heartbeats_of(system: ActorSystem, now: Callable[[], float] = time.monotonic) -> Heartbeats:
    """The actors that answer at once while all is well. Mirror and workers may have work to do."""
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


@dataclass
class PauseWatch:
    """Since when periodic runs are paused; hears of it from the journal."""

    since: datetime | None = None

    def heard(self, entry: Entry) -> None:
        """An entry was recorded."""
        if isinstance(entry, SyncEvent) and entry.event is EventName.PAUSED:
            self.since = entry.at
        elif isinstance(entry, SyncEvent) and entry.event is EventName.RESUMED:
            self.since = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """The daemon's own judgement. Thread-safe; `verdict` never raises and never waits for long."""

    settings: Settings
    system: ActorSystem
    daemon: DaemonView
    remote: Callable[[], RemoteState]
    heartbeats: Heartbeats
    pause: PauseWatch = field(default_factory=PauseWatch)

    def reply(self) -> HealthReply:
        """What `GET /v1/health` answers."""
        now = datetime.now(UTC)
        return reply_of(self.verdict(now), self.settings, now, self.daemon)

    def verdict(self, now: datetime) -> Verdict:
        """Whether all is well, and if not, why."""
        self.heartbeats.beat(wait_seconds=ANSWER_SECONDS)
        listings, error = read_listings(self.settings, since=self.daemon.started_at)
        living = self._living(now)
        facts = Facts(now=now, living=living, listings=listings, database_error=error)
        return judge(facts, self._limits())

    def schedule(self) -> ScheduleState | None:
        """The schedule as the Scheduler told it last; None before it did."""
        return self.heartbeats.answer("scheduler") if self.system.has_schedule else None

    def _limits(self) -> Limits:
        schedule = self.schedule()
        interval = None if schedule is None else schedule.interval_seconds
        return limits_of(self.settings, interval)

    def _living(self, now: datetime) -> Living:
        journal, remote, elapsed = self.system.journal, self.remote(), self.system.elapsed()
        return Living(
            silent=self.heartbeats.silent(),
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
            trouble=journal.stuck_because,
            trouble_seconds=journal.stuck_seconds,
            breaker_open_seconds=remote.open_seconds,
            last_failure=remote.last_failure,
            paused_seconds=self._paused_seconds(now),
        )

    def _paused_seconds(self, now: datetime) -> float | None:
        schedule = self.schedule()
        if schedule is None or not schedule.paused:
            return None
        since = self.pause.since
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def health_without_daemon(settings: Settings, check: Check, words: str) -> HealthReply:
    """The judgement from the database alone: no daemon is there, or it does not answer."""
    absence = Finding(check=check, where="the daemon", message=words, advice=ABSENCE[check])
    now = datetime.now(UTC)
    listings, error = read_listings(settings, since=None)
    error = error if settings.db_path.exists() else None  # `absence` says what to do about that
    facts = Facts(now=now, living=None, listings=listings, database_error=error, absence=absence)
    return reply_of(judge(facts, limits_of(settings)), settings, now, None)


ABSENCE = {
    Check.NO_DAEMON: "start it: `testio-sync run`, or the unit that runs it",
    Check.DAEMON_SILENT: "end that process and start the daemon again; nothing that was written "
    "is lost",
}


def limits_of(settings: Settings, interval: float | None = None) -> Limits:
    """How old data may get; `interval` as it is now, if it is another than was set."""
    return Limits.of(
        interval=settings.refresh_interval_seconds if interval is None else interval,
        reconcile=settings.reconcile_interval_seconds,
        max_age=settings.health_max_age_seconds,
        request_timeout=settings.http_timeout_seconds,
    )


def read_listings(
    settings: Settings, *, since: datetime | None
) -> tuple[tuple[Listing, ...], str | None]:
    """What is in scope; or why it cannot be read. `since`: when the daemon started."""
    try:
        with watching.open_briefly(settings.db_path, DATABASE_SECONDS) as connection:
            rows = watching.listings(connection, settings.product_ids)
    except StorageError as error:
        return (), str(error)
    return tuple(_listing(row, since) for row in rows), None


def _listing(row: Row, since: datetime | None) -> Listing:
    appeared = [instant for instant in (since, _instant(row["first_seen_at"])) if instant]
    return Listing(
        product_id=row["product_id"],
        kind=Kind(row["kind"]),
        complete_as_of=_instant(row["complete_as_of"]),
        current_as_of=_instant(row["current_as_of"]),
        known_since=max(appeared, default=datetime.now(UTC)),
        unusable=row["unusable"],
    )


def _instant(stored: str | None) -> datetime | None:
    return None if stored is None else as_instant(stored)


def reply_of(
    verdict: Verdict, settings: Settings, at: datetime, daemon: DaemonView | None
) -> HealthReply:
    """The judgement as it is told."""
    return HealthReply(
        healthy=verdict.healthy,
        reasons=[_view(finding) for finding in verdict.reasons],
        warnings=[_view(finding) for finding in verdict.warnings],
        at=at,
        database=str(settings.db_path),
        daemon=daemon,
    )


def _view(finding: Finding) -> FindingView:
    return FindingView(
        check=finding.check,
        where=finding.where,
        seconds=None if finding.seconds is None else round(finding.seconds, 1),
        message=finding.message,
        advice=finding.advice,
    )
