"""What is known of health without asking anybody: the database, and how a judgement is told.

Apart from the daemon's own check, so that the command line loads no actors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from config.settings import Settings
from control.views import DaemonView, HealthReply
from rules.diagnosis.health import Check, Facts, Finding, HealthVerdict, Limits, ListingFacts, judge
from rules.diagnosis.last_run import LastRun
from rules.model import Kind, RunStatus
from storage.engine.errors import StorageError
from storage.engine.place import is_missing
from storage.engine.readonly import Row
from storage.engine.times import as_instant
from storage.reads import monitoring_queries

DATABASE_SECONDS = 1.0


def health_without_daemon(settings: Settings, check: Check, words: str) -> HealthReply:
    """The judgement from the database alone: no daemon is there, or it does not answer."""
    absence = Finding(check=check, where="the daemon", message=words, advice=ABSENCE[check])
    now = datetime.now(UTC)
    known = read_database(settings, since=None)
    facts = Facts(
        now=now,
        daemon=None,
        listings=known.listings,
        last_run=known.last_run,
        # `absence` says what to do where there is none yet
        database_error=None if is_missing(settings.db_path) else known.error,
        absence=absence,
    )
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


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownState:
    """What the database tells; or in `error` why it cannot be read."""

    listings: tuple[ListingFacts, ...] = ()
    paused_since: datetime | None = None
    last_run: LastRun | None = None
    error: str | None = None


def read_database(settings: Settings, *, since: datetime | None) -> KnownState:
    """Never raises, and takes a second at most. `since`: when the daemon started."""
    try:
        with monitoring_queries.open_briefly(settings.db_path, DATABASE_SECONDS) as connection:
            rows = monitoring_queries.listings(connection, settings.product_ids)
            paused_since = monitoring_queries.paused_since(connection)
            last_run = monitoring_queries.last_run(connection)
    except StorageError as error:
        return KnownState(error=str(error))
    return KnownState(
        listings=tuple(_listing(row, since) for row in rows),
        paused_since=_instant(paused_since),
        last_run=None if last_run is None else _last_run(*last_run),
    )


def _listing(row: Row, since: datetime | None) -> ListingFacts:
    appeared = _instant(row["first_seen_at"]) or since
    return ListingFacts(
        product_id=row["product_id"],
        kind=Kind(row["kind"]),
        complete_as_of=_instant(row["complete_as_of"]),
        current_as_of=_instant(row["current_as_of"]),
        known_since=datetime.now(UTC) if appeared is None else appeared,
        unusable=row["unusable"],
    )


def _last_run(row: Row, problems: dict[str, int]) -> LastRun:
    return LastRun(
        run_id=row["id"],
        status=RunStatus(row["status"]),
        ended_at=as_instant(row["completed_at"]),
        problems=problems,
    )


def _instant(stored: str | None) -> datetime | None:
    return None if stored is None else as_instant(stored)


def reply_of(
    verdict: HealthVerdict, settings: Settings, at: datetime, daemon: DaemonView | None
) -> HealthReply:
    """The judgement as it is told."""
    return HealthReply(
        healthy=verdict.healthy,
        reasons=[_rounded(finding) for finding in verdict.reasons],
        warnings=[_rounded(finding) for finding in verdict.warnings],
        at=at,
        database=str(settings.db_path),
        daemon=daemon,
    )


def _rounded(finding: Finding) -> Finding:
    seconds = None if finding.seconds is None else round(finding.seconds, 1)
    return replace(finding, seconds=seconds)
