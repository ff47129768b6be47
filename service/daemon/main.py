"""The daemon's composition root: the lock, the database, the actors, the socket; and their end.

Things start in the order of their dependencies and stop in the reverse order, within ten seconds.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from pydantic import SecretStr

from actors.base import NoAnswer
from actors.system import ActorSystem
from config.settings import Settings
from config.version import program_version
from control.app import Served
from control.paths import socket_path
from control.server import ControlServer
from control.views import DaemonView, LogView
from rules.run.events import EventName, SyncEvent
from service.account import AccountGuard
from service.assembly import make_daemon_ports, make_guard
from service.configuration import Configuration, ReadAgain
from service.daemon.allocator import give_back_early
from service.daemon.control_handlers import ControlHandlers
from service.daemon.endings import REBUILD, endings
from service.daemon.operator import Operator
from service.daemon.runtime_control import RuntimeControl, reload_by_signal, restore_overrides
from service.daemon.signals import Signals
from service.exit_status import DaemonFailed, ExitStatus
from service.log_place import log_place
from service.monitoring.monitoring import Monitoring, make_monitoring, tell_owner
from service.monitoring.watchdog import Watchdog
from service.read_through.fetcher import Fetcher, make_fetcher
from service.remote_client import make_client
from service.store import Store, open_store
from service.systemd.sd_notify import SdNotify
from storage.engine.errors import DatabaseDamaged, StorageError
from storage.engine.lock_holder import Role
from storage.writes.decision_rows import DecisionRows

log = structlog.get_logger("daemon")

WATCH_SECONDS = 2.0
"""Between two looks; a look wakes several actors, which is most of what an idle daemon does."""
TOUCH_SECONDS = 60.0
TIDY_SECONDS = 24 * 3600.0


def run_daemon(settings: Settings, token: SecretStr, read_again: ReadAgain) -> ExitStatus:
    """Run until a signal, `stop` or a failure ends it. Raises StorageError before it has begun.

    The first SIGTERM or SIGINT stops in order, with status 0; a second one exits at once.
    `read_again` is what SIGHUP and `reload` go by.
    """
    give_back_early()  # before the first thread
    socket = socket_path(settings.db_path, settings.socket_path)
    stop = threading.Event()
    signals = Signals(stop)
    sd_notify = SdNotify.from_environment()
    sd_notify.status("opening the database")
    with (
        signals.handled(),
        damage_told(settings),
        open_store(settings, role=Role.DAEMON, socket=socket) as store,
    ):
        live = Configuration(settings=settings, token=token)
        rows = restore_overrides(live, store)
        client = make_client(settings, live.secret)
        account = make_guard(settings, token, store)
        system = ActorSystem(make_daemon_ports(live, client, store, account))
        fetcher = make_fetcher(lambda: live.settings, client, store)
        runtime = RuntimeControl(
            configuration=live,
            rows=rows,
            system=system,
            client=client,
            account=account,
            read_again=read_again,
            sd_notify=sd_notify,
        )
        daemon = _daemon(socket)
        monitoring = make_monitoring(live, system, client, store.database, daemon)
        handlers = _handlers(runtime, store, fetcher, daemon, monitoring, stop)
        served = Served(identity=store.database.identity, path=str(settings.db_path))
        server = ControlServer(socket, handlers, served, lambda: len(system.wiring.workers))
        monitoring.start()
        monitoring.interrupted(store.interrupted)
        try:
            _start(system)
            runtime.apply()
            server.start()
            _announce(system, EventName.DAEMON_STARTED, socket, log_place(live.settings.log_file))
            sd_notify.ready()
            signals.reload_with(lambda: reload_by_signal(runtime))
            system.begin()
            watchdog = _watchdog(sd_notify, monitoring, live)
            status = _watch(live, system, store, account, monitoring, stop, watchdog)
            _announce(system, EventName.DAEMON_STOPPING, socket)
        finally:
            sd_notify.stopping()
            fetcher.close()
            report = system.stop()
            server.stop()
            monitoring.stop(patient=not stop.is_set())
            client.close()
        if status is ExitStatus.DONE and system.gave_up.is_set():  # on the way out
            status = ExitStatus.GAVE_UP
        if report.unwritten and status is ExitStatus.DONE:
            status = ExitStatus.DATABASE
    log.info("daemon_stopped", exit_status=int(status))
    return status


@contextmanager
def damage_told(settings: Settings) -> Iterator[None]:
    """Damage that is met before the daemon works ends it just as well: its owner is to know."""
    try:
        yield
    except DatabaseDamaged as damage:
        log.critical("database_damaged", path=str(damage.path), reason=damage.what, todo=REBUILD)
        tell_owner(settings, str(damage))
        raise


def _start(system: ActorSystem) -> None:
    try:
        system.start()
    except NoAnswer as error:
        raise DaemonFailed(f"the actors did not come up: {error}") from error


def _handlers(
    runtime: RuntimeControl,
    store: Store,
    fetcher: Fetcher,
    daemon: DaemonView,
    monitoring: Monitoring,
    stop: threading.Event,
) -> ControlHandlers:
    return ControlHandlers(
        runtime=runtime,
        system=runtime.system,
        fetcher=fetcher,
        daemon=daemon,
        stopping=stop,
        operator=Operator(DecisionRows(store.database), runtime.system.event_queue.record),
        remote=runtime.client.state,
        lookout=monitoring.lookout,
        exporter=monitoring.exporter,
    )


def _daemon(socket: Path) -> DaemonView:
    return DaemonView(
        pid=os.getpid(),
        started_at=datetime.now(UTC),
        version=program_version(),
        socket=str(socket),
    )


def _watchdog(sd_notify: SdNotify, monitoring: Monitoring, live: Configuration) -> Watchdog:
    return Watchdog(
        sd_notify,
        monitoring.lookout,
        http_timeout=lambda: live.settings.http_timeout_seconds,
    )


def _watch(
    live: Configuration,
    system: ActorSystem,
    store: Store,
    account: AccountGuard,
    monitoring: Monitoring,
    stop: threading.Event,
    watchdog: Watchdog,
) -> ExitStatus:
    """Wait for the end, looking after the actors, the lock and old events meanwhile."""
    touched = tidied = -TIDY_SECONDS
    while not stop.wait(min(WATCH_SECONDS, watchdog.beat_seconds)):
        now = time.monotonic()
        monitoring.beat()
        watchdog.look()
        for end in endings(system, store, account):
            log.critical(end.event, **end.detail)
            monitoring.gave_up(end.reason)
            return end.status
        if now - touched >= TOUCH_SECONDS:
            touched = now
            store.lock.touch()
        if now - tidied >= TIDY_SECONDS:
            tidied = now
            _forget_old_events(live.settings, store)
    return ExitStatus.DONE


def _forget_old_events(settings: Settings, store: Store) -> None:
    before = datetime.now(UTC) - timedelta(days=settings.events_retention_days)
    try:
        forgotten = store.events.forget_events(before=before)
    except StorageError as error:
        log.warning("old_events_not_forgotten", error=str(error))
        return
    if forgotten:
        log.info("old_events_forgotten", events=forgotten)


def _announce(
    system: ActorSystem, event: EventName, socket: Path, place: LogView | None = None
) -> None:
    detail = {"pid": os.getpid(), "version": program_version(), "socket": str(socket)}
    detail |= {} if place is None else {"log": str(place)}
    system.event_queue.record(SyncEvent(at=datetime.now(UTC), event=event, detail=detail))
