"""Everything that is counted, on one page for Prometheus.

A scrape reads the actors' answers, the events that wait, the client and the database as they are at
that moment, in a bounded time. What was gathered serves every scrape of the next second.
Series are few but for those by product and kind: two for each, the oldest `MOST_LISTINGS` at most.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from actors.messages import CoordinatorStatus, ScheduleState
from rules.diagnosis.diagnose import Diagnosis, health_of
from rules.model import BreakerState, ErrorKind, Kind, Outcome
from rules.run.events import RunClosed
from service.monitoring.instruments import Instruments
from service.monitoring.lookout import Lookout
from storage.engine.errors import StorageError
from storage.engine.place import real_path
from storage.engine.readonly import Row
from storage.engine.times import as_instant
from storage.reads import monitoring_queries
from testio.tally import OK

CACHED_SECONDS = 1.0
ROWS_CACHED_SECONDS = 60.0
"""Counting rows reads the whole mirror; a run's end has them counted anew."""
DATABASE_SECONDS = 1.0
MOST_LISTINGS = 10_000
NEVER = "never"
"""The outcome of a product and kind that no run has come to yet."""

HOLE = "hole"
RESULTS = (
    OK,
    ErrorKind.UNAUTHORIZED.value,
    ErrorKind.FORBIDDEN.value,
    ErrorKind.NOT_FOUND.value,
    ErrorKind.RATE_LIMITED.value,
    ErrorKind.SERVER_ERROR.value,
    ErrorKind.TIMEOUT.value,
    ErrorKind.CONNECTION_FAILED.value,
    ErrorKind.BAD_PAYLOAD.value,
    ErrorKind.REFUSED.value,
)
"""What comes of attempts; counted from 0 on, since a counter that appears as 1 did not increase."""

PREFIX = "testio_sync_"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFigures:
    """What the database tells."""

    listings: list[Row]
    waiting: list[Row]
    pending_deletions: Row
    last_ends: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was gathered for one scrape. `stored` None: the database could not be read in time."""

    findings: Diagnosis
    schedule: ScheduleState | None
    status: CoordinatorStatus | None
    stored: StoredFigures | None
    rows: Mapping[str, int]


@dataclass
class Exporter:
    """The page, and the counters on it. Thread-safe; `page` never raises."""

    lookout: Lookout
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _moment: Moment | None = None
    _gathered_at: float = -CACHED_SECONDS
    _rows: Mapping[str, int] = field(default_factory=dict)
    _rows_at: float = -ROWS_CACHED_SECONDS

    def __post_init__(self) -> None:
        self.instruments = Instruments(self.registry, self._roles())
        ProcessCollector(registry=self.registry)
        self.registry.register(_Page(self))

    def _roles(self) -> list[str]:
        return [address.role for address in self.lookout.system.wiring.everyone]

    def page(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type, in the format that the caller accepts."""
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is no number
            encode, content_type = choose_encoder("")
        return encode(self.registry), content_type

    def run_ended(self, _entry: RunClosed) -> None:
        """There may be other rows now."""
        self._rows_at = -ROWS_CACHED_SECONDS

    def moment(self) -> Moment:
        """How things are, as of a second ago at most."""
        with self._lock:
            if self._moment is None or time.monotonic() - self._gathered_at >= CACHED_SECONDS:
                self._moment = self._gather()
                self._gathered_at = time.monotonic()
            return self._moment

    def _gather(self) -> Moment:
        lookout = self.lookout
        findings = lookout.findings(datetime.now(UTC))
        stored = self._read()
        return Moment(
            findings=findings,
            schedule=lookout.schedule(),
            status=lookout.status(),
            stored=stored,
            rows=self._rows if stored is None else self._count_rows(),
        )

    def _read(self) -> StoredFigures | None:
        settings = self.lookout.settings()
        try:
            with monitoring_queries.open_briefly(settings.db_path, DATABASE_SECONDS) as connection:
                return StoredFigures(
                    listings=monitoring_queries.listings(connection, settings.product_ids),
                    waiting=monitoring_queries.waiting(connection),
                    pending_deletions=monitoring_queries.pending_deletions(connection),
                    last_ends=monitoring_queries.last_ends(connection),
                )
        except StorageError:
            return None

    def _count_rows(self) -> Mapping[str, int]:
        """As of a minute ago at most; where it takes too long, as of when it last did not."""
        if time.monotonic() - self._rows_at < ROWS_CACHED_SECONDS:
            return self._rows
        try:
            with monitoring_queries.open_briefly(
                self.lookout.settings().db_path, DATABASE_SECONDS
            ) as connection:
                self._rows = monitoring_queries.rows_by_kind(connection)
        except StorageError:
            pass
        self._rows_at = time.monotonic()
        return self._rows


class _Page(Collector):
    """Makes metrics of a moment, when the page is asked for."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self._lookout = exporter.lookout

    def describe(self) -> list[Metric]:
        """Nothing beforehand, or registering would scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every metric that is not counted as it happens."""
        moment = self._exporter.moment()
        yield from self._daemon(moment)
        yield from self._actors()
        yield from self._remote()
        yield from _files(self._lookout.settings().db_path)
        yield _gauge("database_readable", "1 if the database could be read.", bool(moment.stored))
        if moment.rows:
            yield _gauges("rows", "Rows that are there, by kind.", ("kind",), moment.rows)
        if moment.stored is not None:
            yield from _stored(moment.stored)

    def _daemon(self, moment: Moment) -> Iterator[Metric]:
        daemon, schedule, status = self._lookout.daemon, moment.schedule, moment.status
        yield _gauges("build_info", "The version that runs.", ("version",), {daemon.version: 1})
        yield _gauge(
            "start_timestamp_seconds", "When the daemon started.", daemon.started_at.timestamp()
        )
        healthy = health_of(moment.findings).healthy
        yield _gauge("healthy", "1 if GET /v1/health says so.", healthy)
        yield _found(moment.findings)
        if status is not None:
            yield _gauge("run_in_progress", "1 while a run is at work.", status.current is not None)
        if schedule is None:
            return
        yield _gauge("paused", "1 while periodic runs are paused.", schedule.paused)
        yield _gauge(
            "interval_seconds",
            "Seconds from one periodic run to the next.",
            schedule.interval_seconds,
        )
        if schedule.next_run_at is not None:
            yield _gauge(
                "next_run_timestamp_seconds",
                "When the next periodic run is due; absent while there is none.",
                schedule.next_run_at.timestamp(),
            )

    def _actors(self) -> Iterator[Metric]:
        system = self._lookout.system
        event_queue, busy, now = system.event_queue, system.busy(), system.elapsed()
        yield _gauges(
            "mailbox_messages",
            "Messages that wait for each actor.",
            ("actor",),
            system.mailboxes(),
        )
        yield _gauges(
            "actor_silent_seconds",
            "For how long an actor has owed an answer.",
            ("actor",),
            self._lookout.heartbeats.silent(),
        )
        yield _gauge("workers_busy", "Workers that have a product in hand.", len(busy))
        yield _gauge(
            "worker_quiet_seconds",
            "The longest time for which a busy worker has stored nothing.",
            max((now - each.moved for each in busy), default=0.0),
        )
        yield _gauge("journal_backlog_entries", "Events not written yet.", len(event_queue))
        yield _gauge(
            "journal_stuck_seconds",
            "For how long events cannot be written.",
            event_queue.stuck_seconds,
        )
        yield _counter(
            "events_written",
            "Entries of the queue of events that were written.",
            event_queue.written,
        )

    def _remote(self) -> Iterator[Metric]:
        state = self._lookout.remote()
        requests = CounterMetricFamily(
            f"{PREFIX}requests",
            "Attempts to ask the remote, by what came of them.",
            labels=("result",),
        )
        for result, count in {**dict.fromkeys(RESULTS, 0), **state.results}.items():
            requests.add_metric((result,), count)
        yield requests
        yield _counter("retries", "Attempts that were made again.", state.retries)
        yield _gauge("requests_in_flight", "Attempts on the wire.", state.in_flight)
        yield _gauge(
            "parked_seconds",
            "How long nobody asks yet, because the remote wants it so.",
            state.parked_seconds,
        )
        yield _gauge(
            "breaker_open",
            "1 while requests are held back because all of the remote fails.",
            state.breaker is BreakerState.OPEN,
        )
        yield _gauge("breaker_open_seconds", "For how long it has been so.", state.open_seconds)


def _found(findings: Diagnosis) -> Metric:
    family = GaugeMetricFamily(
        f"{PREFIX}finding",
        "1 for each thing that is wrong now, by the code that docs/findings.md explains.",
        labels=("code", "severity"),
    )
    for code, severity in sorted({(f.code.value, f.severity.value) for f in findings}):
        family.add_metric((code, severity), 1)
    return family


def _stored(stored: StoredFigures) -> Iterator[Metric]:
    yield _outcomes(stored.listings)
    for column, name, words in (
        ("complete_as_of", "complete_timestamp_seconds", "held every row that the remote had"),
        ("current_as_of", "current_timestamp_seconds", "was read as far as it can be read"),
    ):
        yield _as_of(stored.listings, column, name, words)
    for name, words, is_hole in (
        ("holes", "Places in lists that the remote cannot show.", True),
        ("quarantined_rows", "Records that were shown and cannot be used.", False),
    ):
        counts = dict.fromkeys((kind.value for kind in Kind), 0)
        for row in stored.waiting:
            if (row["sort"] == HOLE) is is_hole:
                counts[row["kind"]] += row["entries"]
        yield _gauges(name, words, ("kind",), counts)
    yield _gauge(
        "held_deletions",
        "Sets of deletions that wait for a person.",
        stored.pending_deletions["sets"],
    )
    yield _gauge("held_deletion_rows", "The rows of these sets.", stored.pending_deletions["rows"])
    yield _gauges(
        "last_run_timestamp_seconds",
        "When the last run of each status ended.",
        ("status",),
        {status: as_instant(at).timestamp() for status, at in stored.last_ends.items()},
    )


def _outcomes(listings: list[Row]) -> Metric:
    counts = Counter((row["kind"], row["last_outcome"] or NEVER) for row in listings)
    family = GaugeMetricFamily(
        f"{PREFIX}products",
        "Products in scope, by how they came out of the last run.",
        labels=("kind", "outcome"),
    )
    for kind in (Kind.PRODUCTS, Kind.FEATURES, Kind.TESTS):
        for outcome in (*Outcome, NEVER):
            family.add_metric((kind.value, str(outcome)), counts[kind.value, str(outcome)])
    return family


def _as_of(listings: list[Row], column: str, name: str, words: str) -> Metric:
    """Absent for what was never read: `testio_sync_products{outcome="never"}` counts those."""
    family = GaugeMetricFamily(
        f"{PREFIX}{name}",
        f"The instant as of which the mirror {words}; product 0 is the list.",
        labels=("product_id", "kind"),
    )
    known = sorted((row for row in listings if row[column]), key=lambda row: str(row[column]))
    for row in known[:MOST_LISTINGS]:
        labels = (str(row["product_id"]), row["kind"])
        family.add_metric(labels, as_instant(row[column]).timestamp())
    return family


def _files(database: Path) -> Iterator[Metric]:
    database = real_path(database)
    wal = database.with_name(f"{database.name}-wal")
    yield _gauge("database_size_bytes", "Size of the database file.", _size(database))
    yield _gauge("wal_size_bytes", "Size of the file with the latest writes.", _size(wal))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}{name}", words, value=float(value))


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}{name}", words, value=value)


def _gauges(name: str, words: str, labels: tuple[str], values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}{name}", words, labels=labels)
    for label, value in values.items():
        family.add_metric((label,), value)
    return family
