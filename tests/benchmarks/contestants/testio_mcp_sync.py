"""One sync by testio-mcp's own SyncService, as its `testio-mcp sync` would run it.

Driven through Python, because the package lacks the migrations that its command line calls; the
tables are made from its models instead. So its full-text index, which only a migration makes, is
missing, and its sync is spared the triggers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

CUSTOMER = 1


def main() -> None:
    """Sync once and print the result."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=10)
    given = parser.parse_args()
    database = given.folder.resolve() / "testio_mcp.db"
    _keep_inside(given.folder)
    seconds = asyncio.run(_sync(given.url, given.token, database, given.connections))
    print(json.dumps({"seconds": seconds, "peak_mb": _peak_mb(), "rows": _rows(database)}))


def _keep_inside(folder: Path) -> None:
    """It reads `.env` where it runs and TESTIO_* from the environment when it is imported."""
    for name in [name for name in os.environ if name.startswith("TESTIO_")]:
        del os.environ[name]
    os.environ |= {"HOME": str(folder.resolve()), "TMPDIR": str(folder.resolve()), "NO_PROXY": "*"}
    os.chdir(folder)


async def _sync(url: str, token: str, database: Path, connections: int) -> float:
    """Seconds of one sync. Ends the process if a phase of it failed."""
    from testio_mcp.client import TestIOClient
    from testio_mcp.config import settings
    from testio_mcp.database import PersistentCache
    from testio_mcp.services.sync_service import SyncService

    await _make_tables(database)
    client = TestIOClient(
        base_url=url,
        api_token=token,
        max_concurrent_requests=connections,
        max_connections=settings.CONNECTION_POOL_SIZE,
        max_keepalive_connections=settings.CONNECTION_POOL_MAX_KEEPALIVE,
        timeout=settings.HTTP_TIMEOUT_SECONDS,
    )
    async with client:
        cache = PersistentCache(str(database), client, CUSTOMER)
        await cache.initialize()
        began = time.perf_counter()
        result = await SyncService(client, cache).execute_sync(trigger_source="benchmark")
        seconds = time.perf_counter() - began
        await cache.close()
    if result.errors or len(result.phases_completed) < 3:
        sys.exit(f"testio-mcp: the sync failed: {[*result.errors, *result.warnings]}")
    for warning in result.warnings:
        print(f"testio-mcp: {warning}", file=sys.stderr)
    return seconds


async def _make_tables(database: Path) -> None:
    import testio_mcp.models.orm  # noqa: F401 (makes the models known)
    from testio_mcp.database.engine import create_async_engine_for_sqlite, initialize_database

    engine = create_async_engine_for_sqlite(database)
    await initialize_database(engine)
    await engine.dispose()


def _rows(database: Path) -> int:
    counts = " + ".join(
        f"(SELECT count(*) FROM {table})" for table in ("products", "features", "tests")
    )
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(f"SELECT {counts}").fetchone()[0])


def _peak_mb() -> float:
    """The most memory this process ever had, in MB; Linux counts in KB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
