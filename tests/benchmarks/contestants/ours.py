"""testio-sync: a one-shot sync, as the command line runs it."""

from __future__ import annotations

import sqlite3

from pydantic import SecretStr

from config.loading import load_settings
from config.logs import configure_logs
from config.settings import Settings
from rules.model import SyncScope
from service.assembly import make_sync_service, settle
from service.store import open_store
from storage.engine.lock_holder import Role
from tests.benchmarks.contestants.contest import Task, take_part

ROWS = (
    "SELECT (SELECT count(*) FROM products) + (SELECT count(*) FROM features) + count(*) FROM tests"
)


def prepare(task: Task) -> None:
    """Make the tables."""
    with open_store(settings_of(task), role=Role.ONE_SHOT):
        pass


def sync(task: Task) -> int:
    """The whole account; returns the rows mirrored."""
    settings = settings_of(task)
    with open_store(settings, role=Role.ONE_SHOT) as store:
        settle()
        service = make_sync_service(settings, SecretStr(task.token), store)
        ids = frozenset(task.product_ids) if task.product_ids else None
        result = service.execute_sync(scope=SyncScope(product_ids=ids))
    assert result.status == "success", result
    with sqlite3.connect(settings.db_path) as connection:
        return int(connection.execute(ROWS).fetchone()[0])


def settings_of(task: Task) -> Settings:
    """All as it comes, but for what the task asks for."""
    flags = {
        "TESTIO_CUSTOMER_API_BASE_URL": task.url,
        "TESTIO_DB_PATH": str(task.folder / "testio.db"),
        "MAX_CONCURRENT_API_REQUESTS": task.connections,
    }
    return load_settings(flags=flags, env_file=None)


if __name__ == "__main__":
    configure_logs(level="WARNING", log_format="console")
    take_part(sync, prepare)
