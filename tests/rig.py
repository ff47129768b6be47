"""One mirror of one simulated account, synced by the real service over HTTP and SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from rules.model import ALL_PHASES, SyncOptions, SyncPhase, SyncResult, SyncScope
from service.store import MirrorReader
from service.sync_service import Repositories, SyncService
from simulator import Simulator
from storage.engine.database import Database
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog
from testio.client import TestioClient
from tests.oracle import differences


@dataclass
class Rig:
    """One mirror of one simulated account."""

    simulator: Simulator
    database: Database
    make_client: Callable[..., TestioClient]
    clients: dict[str, Any] = field(default_factory=dict)
    workers: int = 4

    def sync(
        self,
        options: SyncOptions | None = None,
        phases: tuple[SyncPhase, ...] = ALL_PHASES,
        products: frozenset[int] | None = None,
    ) -> SyncResult:
        """One run; the requests of earlier ones are forgotten."""
        self.simulator.forget_requests()
        log = SyncLog(self.database)
        service = SyncService(
            client_factory=lambda: self.make_client(self.simulator, **self.clients),
            repositories=lambda: Repositories(
                mirror=MirrorRows(self.database),
                events=log,
                queries=MirrorReader(self.database.path),
                next_run_id=log.next_run_id(),
            ),
            workers=self.workers,
        )
        return service.execute_sync(phases, SyncScope(product_ids=products), options)

    def sql(self, query: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.database.path)) as connection:
            return connection.execute(query, values).fetchall()

    def differences(self) -> list[str]:
        return differences(self.database.path, self.simulator)

    def requests(self, path: str = "") -> int:
        return sum(path in line.path for line in self.simulator.requests())

    def products(self) -> list[int]:
        return [row["id"] for row in self.simulator.account()["products"]]

    def tests(self, product_id: int) -> list[int]:
        return [row["id"] for row in self.simulator.account()["tests"][str(product_id)]]
