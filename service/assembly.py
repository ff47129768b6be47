"""How settings become the parts of a system; the daemon and the one-shot command share it."""

from __future__ import annotations

import gc
import random
from collections.abc import Collection, Sequence
from dataclasses import replace

from pydantic import SecretStr

from actors.clock import Clock, SystemClock
from actors.ports import Ports, SchedulePlan
from config.settings import Settings
from control.protocol import StartRunBody
from rules.model import (
    ALL_PHASES,
    RunRequest,
    SyncOptions,
    SyncPhase,
    SyncScope,
    Trigger,
    in_order,
)
from rules.run.schedule import StartupSync, wants_startup_run
from service.account import AccountGuard
from service.configuration import Configuration
from service.product_names import ProductNames
from service.remote_client import make_client
from service.store import Store
from service.sync_service import Repositories, SyncService
from storage.engine.errors import StorageError
from storage.reads import queries
from testio.client import TestioClient

GONE = "was removed or replaced while it was in use"
AGAIN = "what was written since is lost; put a backup back, or sync again"
DEFAULT_OPTIONS = SyncOptions()


def make_sync_service(settings: Settings, token: SecretStr, store: Store) -> SyncService:
    """The service that goes by these settings in what it is not told. The store stays open."""

    def as_configured(request: RunRequest) -> RunRequest:
        return make_request(
            settings,
            request.trigger,
            phases=request.phases,
            product_ids=request.scope.product_ids,
            options=request.options,
        )

    return SyncService(
        client_factory=lambda: make_client(settings, token.get_secret_value),
        repositories=lambda: Repositories(
            mirror=store.mirror,
            events=store.events,
            queries=store.reader,
            next_run_id=store.events.next_run_id(),
            fresh=store.fresh,
            account=make_guard(settings, token, store),
            lost=lambda: _lost(store),
        ),
        workers=settings.max_concurrent_api_requests,
        as_configured=as_configured,
    )


def _lost(store: Store) -> StorageError | None:
    """Why what is written from here on is lost, or spoils what another one writes; or None."""
    if store.database.damage is not None:
        return store.database.damage
    if not store.database.is_in_place():
        return StorageError(f"{store.database.path} {GONE}; {AGAIN}")
    return None if store.lock.is_mine() else StorageError(f"{store.lock.path} {GONE}; {AGAIN}")


def settle() -> None:
    """What is loaded by now stays until the process ends: for processes of ours, and once in each.

    Otherwise the garbage collector looks through all of it in the middle of a sync, 60 ms a time.
    """
    gc.freeze()


def make_guard(settings: Settings, token: SecretStr, store: Store) -> AccountGuard:
    """Who recognises the account behind the token."""
    return AccountGuard(store.account, settings.base_url, token)


def make_daemon_ports(
    configuration: Configuration, client: TestioClient, store: Store, account: AccountGuard
) -> Ports:
    """The parts of the daemon's system, its schedule included."""
    settle()
    clock = SystemClock()
    return Ports(
        client=client,
        mirror=store.mirror,
        events=store.events,
        queries=store.reader,
        next_run_id=store.events.next_run_id(),
        workers=configuration.concurrency,
        clock=clock,
        schedule=_schedule(configuration, clock),
        tick_request=lambda: make_request(configuration.settings, Trigger.SCHEDULE),
        fresh=store.fresh,
        account=account,
        product_name=ProductNames(configuration.settings.db_path).of,
    )


def _schedule(configuration: Configuration, clock: Clock) -> SchedulePlan:
    settings, interval = configuration.settings, configuration.interval_seconds
    return SchedulePlan(
        interval_seconds=interval,
        startup_run=wants_startup_run(
            StartupSync(settings.startup_sync),
            last_success=queries.last_success_at(settings.db_path),
            now=clock.now(),
            interval=interval,
        ),
        jitter=lambda: random.uniform(  # nosec B311 # spreads load, hides nothing
            0, configuration.settings.refresh_jitter_seconds
        ),
        paused=configuration.is_paused(clock.now()),
        paused_until=configuration.overrides.paused_until,
    )


def make_request(
    settings: Settings,
    trigger: Trigger,
    *,
    phases: Sequence[SyncPhase] | None = None,
    product_ids: Collection[int] | None = None,
    options: SyncOptions = DEFAULT_OPTIONS,
) -> RunRequest:
    """A request for a run on this installation; what is not given is as the settings say."""
    scope = settings.product_ids if product_ids is None else frozenset(product_ids)
    return RunRequest(
        trigger=trigger,
        phases=in_order(tuple(phases or ALL_PHASES)),
        scope=SyncScope(product_ids=scope),
        options=replace(
            options,
            mirror_since=settings.sync_since,
            reconcile_seconds=settings.reconcile_interval_seconds,
        ),
    )


def request_of(settings: Settings, body: StartRunBody) -> RunRequest:
    """The request that somebody makes, by the socket or from the command line."""
    return make_request(
        settings,
        body.trigger_source,
        phases=body.phases,
        product_ids=body.product_ids,
        options=SyncOptions(
            since=body.since,
            force=body.force,
            incremental_only=body.incremental_only,
            refresh_mutable=body.refresh_mutable,
            nuke=body.nuke,
        ),
    )
