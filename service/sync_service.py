"""The one entry for every sync that is not a daemon's: the one-shot command, tests, programs.

It runs the very actor system that the daemon runs, for one run. A daemon's ticks and control
messages end in the same Coordinator message; there is no second way to sync.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import SecretStr

from actors.base import NoAnswer
from actors.clock import Clock, SystemClock
from actors.ports import (
    AccountGuard,
    AnyAccount,
    EventStore,
    FreshStore,
    MirrorQueries,
    MirrorStore,
    Ports,
    RemoteClient,
)
from actors.system import ActorSystem
from config.settings import Settings
from rules.model import (
    ALL_PHASES,
    RunRequest,
    SyncOptions,
    SyncPhase,
    SyncResult,
    SyncScope,
    Trigger,
)
from rules.run.progress import RunProgress
from storage.engine.errors import StorageError

POLL_SECONDS = 0.1
STUCK_SECONDS = 10.0
"""How long a run may wait for a database that cannot be written to (a full disk, say)."""
CANCEL_SECONDS = 5.0


class SyncFailed(Exception):
    """The actor system gave up before the run ended; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repositories:
    """Where a sync writes and what it reads of the mirror; `lost`: why it is in vain."""

    mirror: MirrorStore
    events: EventStore
    queries: MirrorQueries
    next_run_id: int
    fresh: FreshStore | None = None
    account: AccountGuard = field(default_factory=AnyAccount)
    lost: Callable[[], StorageError | None] = lambda: None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncService:
    """Runs one sync after the other, each in an actor system of its own.

    `client_factory` and `repositories` are called once for each run. The caller holds the writer
    lock of the database behind the repositories.
    """

    client_factory: Callable[[], RemoteClient]
    repositories: Callable[[], Repositories]
    workers: int = 10
    clock: Clock = field(default_factory=SystemClock)
    as_configured: Callable[[RunRequest], RunRequest] = lambda request: request
    """Fills in what a request leaves open."""

    def execute_sync(
        self,
        phases: tuple[SyncPhase, ...] = ALL_PHASES,
        scope: SyncScope | None = None,
        options: SyncOptions | None = None,
        trigger_source: Trigger = Trigger.API,
        *,
        on_progress: Callable[[RunProgress], None] = lambda _progress: None,
        cancel: threading.Event | None = None,
    ) -> SyncResult:
        """Sync, and return what came of it once its end is on disk.

        Setting `cancel` ends the run early, with the status `cancelled`. Raises SyncFailed,
        DatabaseDamaged, or StorageError where its end cannot be written or its file is gone.
        """
        request = self.as_configured(
            RunRequest(
                trigger=trigger_source,
                phases=phases,
                scope=scope or SyncScope(),
                options=options or SyncOptions(),
            )
        )
        client, repositories = self.client_factory(), self.repositories()
        system = ActorSystem(self._parts(client, repositories))
        try:
            system.start()
            cancel = cancel or threading.Event()
            result = _follow(system, request, on_progress, cancel, repositories.lost)
            if (why := repositories.lost()) is not None:
                raise why
            return result
        except NoAnswer as error:
            raise SyncFailed(f"{error}: {system.gave_up_because}") from error
        finally:
            system.stop()
            client.close()

    def _parts(self, client: RemoteClient, repositories: Repositories) -> Ports:
        return Ports(
            client=client,
            mirror=repositories.mirror,
            events=repositories.events,
            queries=repositories.queries,
            next_run_id=repositories.next_run_id,
            fresh=repositories.fresh,
            account=repositories.account,
            workers=self.workers,
            clock=self.clock,
        )


@contextmanager
def open_sync_service(settings: Settings, token: SecretStr) -> Iterator[SyncService]:
    """A service on the database of these settings, for programs: docs/library.md.

    The database is created or migrated, and this process holds its writer lock until the end of
    the block, when everything is closed. Several databases may be open at once, from any threads,
    and one after the other as often as you like; one service does one sync at a time. Waits up to
    TESTIO_LOCK_WAIT_SECONDS for another holder. Raises LockHeld (a daemon runs, for one), another
    StorageError, or SettingsError where the database is another account's.
    """
    from service.assembly import make_sync_service
    from service.store import open_store
    from storage.engine.lock_holder import Role

    wait = settings.lock_wait_seconds
    with open_store(settings, role=Role.ONE_SHOT, wait_seconds=wait) as store:
        yield make_sync_service(settings, token, store)


def _follow(
    system: ActorSystem,
    request: RunRequest,
    on_progress: Callable[[RunProgress], None],
    cancel: threading.Event,
    lost: Callable[[], StorageError | None],
) -> SyncResult:
    run_id = system.start_run(request).run_id
    assert run_id is not None, "a system of our own is never busy"
    cancelled_at: float | None = None
    while (result := system.wait_for(run_id, timeout=POLL_SECONDS)) is None:
        if system.gave_up.is_set():
            raise SyncFailed(system.gave_up_because)
        if (why := lost()) is not None:
            raise why
        if system.event_queue.stuck_seconds > STUCK_SECONDS:
            raise StorageError(
                f"what happened cannot be written: {system.event_queue.stuck_because}"
            )
        if cancel.is_set() and cancelled_at is None:
            cancelled_at = time.monotonic()
            system.cancel("cancelled by the caller")
        if cancelled_at is not None and time.monotonic() - cancelled_at > CANCEL_SECONDS:
            stuck = system.event_queue.stuck_because or "a request does not end"
            raise SyncFailed(f"the run was cancelled but does not end: {stuck}")
        progress = system.status().current
        if progress is not None:
            on_progress(progress)
    return result
