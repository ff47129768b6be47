"""Those who watch over the daemon, put together: health, metrics and notifications.

None of them is an actor: each works while every actor is stuck, and none can hold one up.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from actors.system import ActorSystem
from config.settings import Settings
from config.version import program_version
from control.views import DaemonView
from rules.diagnosis.notice import Sender
from rules.diagnosis.notifying import Event, RunEnd
from service.configuration import Configuration
from service.monitoring.command_hook import NAME as COMMAND
from service.monitoring.command_hook import CommandHook
from service.monitoring.lookout import Lookout
from service.monitoring.messenger import Channel, Memory, Messenger
from service.monitoring.metrics import Exporter
from service.monitoring.metrics_server import MetricsServer
from service.monitoring.webhook_hook import WebhookHook
from storage.engine.database import Database
from storage.settings.notice_rows import NoticeRows
from testio.client import TestioClient

log = structlog.get_logger(__name__)

LAST_NOTICE_SECONDS = 1.0
"""How long a stop waits for notifications."""
LAST_WORDS_SECONDS = 10.0
"""How long at most a daemon waits that ends by itself; systemd kills it after 15."""


STUCK_SECONDS = 60.0
"""How long nothing can be written before somebody is told."""
STUCK_REPEAT_SECONDS = 600.0
METRICS_BEATS = 30
"""Beats between two tries to have the port of the metrics."""


@dataclass(slots=True)
class _Notes:
    due_after: float = STUCK_SECONDS
    beats: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    """From `start` to `stop`. `beat` is called every other second, `gave_up` at most once."""

    lookout: Lookout
    exporter: Exporter
    metrics: MetricsServer | None
    messengers: tuple[Messenger, ...]
    notes: _Notes = field(default_factory=_Notes)

    def start(self) -> None:
        """Begin to serve and to listen."""
        if self.metrics is not None:
            self.metrics.start()
        for messenger in self.messengers:
            messenger.start()

    def beat(self) -> None:
        """Look after everything; what fails in it ends no daemon. Never raises."""
        try:
            self._beat()
        except BaseException:
            log.exception("monitoring_failed")

    def _beat(self) -> None:
        """Ask the actors for a sign of life, without waiting for it."""
        self.lookout.heartbeats.beat()
        self._serve_metrics()
        now = datetime.now(UTC)
        state = self.lookout.state(now)
        seconds = max(state.trouble_seconds, state.locked_seconds)
        if seconds > self.notes.due_after:
            self.notes.due_after += STUCK_REPEAT_SECONDS
            if (cause := self.lookout.trouble(now)) is not None:
                self._tell(Event.CANNOT_WRITE, cause.said(now), advice=cause.action)
        elif not seconds:
            self.notes.due_after = STUCK_SECONDS

    def _serve_metrics(self) -> None:
        """A port that could not be had may be free by now: the process before us has ended."""
        if self.metrics is None or self.metrics.is_serving:
            return
        self.notes.beats += 1
        if self.notes.beats % METRICS_BEATS == 0:
            self.metrics.start()

    def interrupted(self, run_ids: Sequence[int]) -> None:
        """What was at work when the process before this one was killed."""
        if run_ids:
            self._tell(Event.RUN_INTERRUPTED, f"run {', '.join(map(str, run_ids))}")

    def gave_up(self, reason: str) -> None:
        """The daemon ends because it cannot go on."""
        self._tell(Event.GAVE_UP, reason)

    def _tell(self, event: Event, reason: str, advice: str = "") -> None:
        run_end = RunEnd(at=datetime.now(UTC), status=None, trouble=event)
        for messenger in self.messengers:
            messenger.trouble(run_end, reason, advice)

    def stop(self, *, patient: bool) -> None:
        """Tell what is to be told still, and end. `patient`: nobody waits for the end."""
        _finish(self.messengers, LAST_WORDS_SECONDS if patient else LAST_NOTICE_SECONDS)
        if self.metrics is not None:
            self.metrics.stop()


def make_monitoring(
    live: Configuration,
    system: ActorSystem,
    client: TestioClient,
    database: Database,
    daemon: DaemonView,
) -> Monitoring:
    """Set them up, and let them hear of everything. Call it before the system starts.

    Raises SettingsError where the command of TESTIO_NOTIFY_COMMAND does not exist.
    """
    settings = live.settings
    address = settings.metrics_address
    lookout = Lookout(
        settings=lambda: live.settings,
        system=system,
        daemon=daemon,
        remote=client.state,
        held_up_seconds=lambda: database.held_up_seconds,
    )
    exporter = Exporter(lookout=lookout)
    metrics = None if address is None else MetricsServer(address, exporter.page)
    if metrics is not None:
        lookout.metrics_flaw = lambda: metrics.flaw
    counters = exporter.instruments
    channels = channels_of(settings)
    for channel in channels:
        counters.will_notify(channel.name)
    messengers = _messengers(settings, channels, NoticeRows(database), counters.notified)
    client.watch(counters.attempted)
    system.watch(
        on_entry=(counters.on_entry,),
        ended=(counters.ended, exporter.run_ended, *(m.ended for m in messengers)),
    )
    return Monitoring(
        lookout=lookout,
        exporter=exporter,
        metrics=metrics,
        messengers=messengers,
    )


def tell_owner(settings: Settings, reason: str) -> None:
    """The daemon cannot come up, and no restart will mend that: tell it by all channels."""
    run_end = RunEnd(at=datetime.now(UTC), status=None, trouble=Event.GAVE_UP)
    messengers = _messengers(settings, channels_of(settings), _NoMemory(), lambda *_: None)
    for messenger in messengers:
        messenger.start()
        messenger.trouble(run_end, reason)
    _finish(messengers, LAST_WORDS_SECONDS)


class _NoMemory:
    """For a database that cannot say what was told before."""

    def recorded(self, channel: str) -> str | None:  # noqa: ARG002
        return None

    def note(self, channel: str, told: str | None) -> None:
        pass


def _messengers(
    settings: Settings,
    channels: Sequence[Channel],
    memory: Memory,
    count: Callable[[str, str], None],
) -> tuple[Messenger, ...]:
    return tuple(
        Messenger(
            channel,
            memory,
            sender_of(settings),
            repeat_seconds=settings.notify_repeat_seconds,
            count=count,
        )
        for channel in channels
    )


def _finish(messengers: Sequence[Messenger], patience: float) -> None:
    """Tell what is to be told still, in so many seconds."""
    give_up_at = time.monotonic() + patience
    for messenger in messengers:
        messenger.finish()
    for messenger in messengers:
        messenger.stop(give_up_at - time.monotonic())


def channels_of(settings: Settings) -> list[Channel]:
    """The ways to reach people that the settings name. Raises SettingsError."""
    channels: list[Channel] = []
    timeout = settings.notify_timeout_seconds
    if settings.notify_command is not None:
        source = settings.origin(COMMAND).source
        channels.append(
            CommandHook(settings.notify_command, timeout_seconds=timeout, source=source)
        )
    if settings.notify_webhook_url is not None:
        url = settings.notify_webhook_url.get_secret_value()
        channels.append(WebhookHook(url, timeout_seconds=timeout))
    return channels


def sender_of(settings: Settings) -> Sender:
    """Who tells it."""
    return Sender(
        host=socket.gethostname(),
        database=str(settings.db_path.absolute()),
        pid=os.getpid(),
        version=program_version(),
    )
