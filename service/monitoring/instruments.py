"""What is counted as it happens, since the process started.

The counters stand outside the actors and watch the queue of events, the results of runs and the
client; so an actor that is replaced neither loses a count nor begins a new one.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from rules.model import RunStatus, SyncPhase, Trigger
from rules.run.events import Entry, EventName, RunClosed, SyncEvent

RUN_BUCKETS = (1, 5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200)
REQUEST_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
ENDS = (RunStatus.SUCCESS, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.CANCELLED)
NOTICES = ("delivered", "failed", "kept_back")


class Instruments:
    """The counters and histograms of one daemon. Thread-safe."""

    def __init__(self, registry: CollectorRegistry, roles: Iterable[str]) -> None:
        """`roles`: every actor there is."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._runs = Counter(
            "testio_sync_runs",
            "Runs whose end is on disk.",
            ("status", "trigger"),
            registry=registry,
        )
        self._run_seconds = Histogram(
            "testio_sync_run_duration_seconds",
            "How long runs took.",
            ("status",),
            buckets=RUN_BUCKETS,
            registry=registry,
        )
        self._phase_seconds = Histogram(
            "testio_sync_phase_duration_seconds",
            "How long phases took.",
            ("phase",),
            buckets=RUN_BUCKETS,
            registry=registry,
        )
        self._attempt_seconds = Histogram(
            "testio_sync_request_duration_seconds",
            "How long each attempt to ask the remote took, from sending to the last byte.",
            ("result",),
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )
        self._restarts = Counter(
            "testio_sync_actor_restarts",
            "Actors that crashed and were replaced.",
            ("actor",),
            registry=registry,
        )
        self._notices = Counter(
            "testio_sync_notifications",
            "Notifications: delivered, failed, or kept_back because they repeat what was told.",
            ("channel", "result"),
            registry=registry,
        )
        self._begin_at_zero(roles)

    def _begin_at_zero(self, roles: Iterable[str]) -> None:
        """A rate needs a first value: what appears as 1 has not increased."""
        for role in roles:
            self._restarts.labels(role)
        for status in ENDS:
            self._run_seconds.labels(status.value)
            for trigger in Trigger:
                self._runs.labels(status.value, trigger.value)
        for phase in SyncPhase:
            self._phase_seconds.labels(phase.value)

    def ended(self, entry: RunClosed) -> None:
        """A run's end is on disk."""
        result = entry.result
        self._runs.labels(result.status.value, result.trigger_source.value).inc()
        self._run_seconds.labels(result.status.value).observe(result.duration_seconds)

    def on_entry(self, entry: Entry) -> None:
        """An entry was recorded in the queue of events."""
        if not isinstance(entry, SyncEvent):
            return
        if entry.event is EventName.PHASE_FINISHED and entry.phase is not None:
            self._phase_seconds.labels(entry.phase.value).observe(entry.duration_seconds)
        elif entry.event is EventName.ACTOR_REPLACED:
            self._restarts.labels(str(entry.detail.get("role"))).inc()

    def attempted(self, seconds: float, result: str) -> None:
        """An attempt to ask the remote has ended."""
        self._attempt_seconds.labels(result).observe(seconds)

    def will_notify(self, channel: str) -> None:
        """There is such a channel."""
        for result in NOTICES:
            self._notices.labels(channel, result)

    def notified(self, channel: str, result: str) -> None:
        """A notification was delivered, kept back, or given up on."""
        self._notices.labels(channel, result).inc()
