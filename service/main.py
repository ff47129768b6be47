"""The daemon's composition root: the lock, the database, the actors, the socket; and their end.

Things start in the order of their dependencies and stop in the reverse order, within ten seconds.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType

import structlog
from pydantic import SecretStr

from actors.base import NoAnswer
from actors.system import ActorSystem
from config.settings import Settings
from config.version import program_version
from control.paths import socket_path
from control.protocol import DaemonView, LogView
from control.server import ControlServer
from rules.events import EventName, SyncEvent
from service.account import AccountGuard
from service.assembly import make_client, make_daemon_parts, make_fetcher, make_guard
from service.control_handlers import ControlHandlers
from service.exit_status import DaemonFailed, ExitStatus
from service.fetcher import Fetcher
from service.log_place import log_place
from service.operator import Operator
from service.store import Store, open_store
from storage.decision_rows import DecisionRows
from storage.errors import StorageError
from storage.writer_lock import Role
from testio.client import TestioClient

log = structlog.get_logger("daemon")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
WATCH_SECONDS = 1.0
TOUCH_SECONDS = 60.0
TIDY_SECONDS = 24 * 3600.0


def run_daemon(settings: Settings, token: SecretStr) -> ExitStatus:
    """Run until a signal, `stop` or a failure ends it. Raises StorageError before it has begun.

    The first SIGTERM, SIGINT or SIGHUP stops in order, with status 0; a second one exits at once.
    """
    socket = socket_path(settings.db_path, settings.socket_path)
    stop = threading.Event()
    with _signals(stop), open_store(settings, role=Role.DAEMON, socket=socket) as store:
        client = make_client(settings, token)
        account = make_guard(settings, token, store)
        system = ActorSystem(make_daemon_parts(settings, client, store, account))
        fetcher = make_fetcher(settings, client, store)
        handlers = _handlers(settings, system, store, client, fetcher, socket, stop)
        server = ControlServer(socket, handlers)
        try:
            _start(system)
            server.start()
            _announce(system, EventName.DAEMON_STARTED, socket, log_place(settings.log_file))
            system.begin()
            status = _watch(settings, system, store, account, stop)
            _announce(system, EventName.DAEMON_STOPPING, socket)
        finally:
            fetcher.close()
            report = system.stop()
            server.stop()
            client.close()
        if report.unwritten and status is ExitStatus.DONE:
            status = ExitStatus.DATABASE
    log.info("daemon_stopped", status=int(status))
    return status


def _start(system: ActorSystem) -> None:
    try:
        system.start()
    except NoAnswer as error:
        raise DaemonFailed(f"the actors did not come up: {error}") from error


def _handlers(
    settings: Settings,
    system: ActorSystem,
    store: Store,
    client: TestioClient,
    fetcher: Fetcher,
    socket: Path,
    stop: threading.Event,
) -> ControlHandlers:
    daemon = DaemonView(
        pid=os.getpid(),
        started_at=datetime.now(UTC),
        version=program_version(),
        socket=str(socket),
        log=log_place(settings.log_file),
    )
    return ControlHandlers(
        settings=settings,
        system=system,
        fetcher=fetcher,
        daemon=daemon,
        stopping=stop,
        operator=Operator(DecisionRows(store.database), system.journal.record),
        remote=client.state,
    )


def _watch(
    settings: Settings,
    system: ActorSystem,
    store: Store,
    account: AccountGuard,
    stop: threading.Event,
) -> ExitStatus:
    """Wait for the end, looking after the lock and old events meanwhile."""
    touched = tidied = -TIDY_SECONDS
    while not stop.wait(WATCH_SECONDS):
        now = time.monotonic()
        if system.gave_up.is_set():
            log.critical("daemon_gave_up", reason=system.gave_up_because)
            return ExitStatus.GAVE_UP
        if account.refused is not None and _is_idle(system):
            log.critical("wrong_account", reason=account.refused.message)
            return ExitStatus.USAGE
        if not store.lock.is_mine():
            log.critical("lock_file_replaced", path=str(store.lock.path))
            return ExitStatus.DATABASE
        if not store.database.is_in_place():
            log.critical("database_replaced", path=str(store.database.path))
            return ExitStatus.DATABASE
        if now - touched >= TOUCH_SECONDS:
            touched = now
            store.lock.touch()
        if now - tidied >= TIDY_SECONDS:
            tidied = now
            _forget_old_events(settings, store)
    return ExitStatus.DONE


def _is_idle(system: ActorSystem) -> bool:
    """Whether no run is at work: its failure is to be on disk before the daemon ends."""
    try:
        return system.status().current is None
    except NoAnswer:
        return False


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
    system.journal.record(SyncEvent(at=datetime.now(UTC), event=event, detail=detail))


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """The first signal stops in order; a second one ends the process where it stands.

    A terminal that goes away (SIGHUP) is such a signal too.
    """
    received: list[int] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        if received:
            os._exit(ExitStatus.CANCELLED)
        received.append(number)
        stop.set()

    previous = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
