"""How much our full sync costs above a bare loop: `make bench`.

Both read the same simulated account through the same number of connections, in alternating
pairs; what counts is the ratio. The bare loop is `requests` in threads, fixed pages of 25, orjson
and one sqlite3 table: it keeps no rule of a sync.
"""

from __future__ import annotations

import argparse
import json
import queue
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import requests
from pydantic import SecretStr

from config.loading import load_settings
from config.logs import configure_logs
from service.assembly import make_sync_service
from service.store import open_store
from storage.writer_lock import Role

PAGE = 25


def main() -> None:
    """Run the pairs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--products", type=int, default=50)
    parser.add_argument("--tests", type=int, default=200)
    parser.add_argument("--latency-ms", type=float, default=20.0)
    given = parser.parse_args()
    configure_logs(level="WARNING", log_format="console")
    size = ("--products", given.products, "--features", 20, "--tests", given.tests)
    command = [sys.executable, "-m", "simulator", "--json", "--latency-ms", given.latency_ms, *size]
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True) as simulator:
        assert simulator.stdout is not None
        remote = json.loads(simulator.stdout.readline())
        try:
            pairs = [_pair(remote, given.connections) for _ in range(given.pairs + 1)][1:]
        finally:
            simulator.terminate()
    _report(pairs, given.connections)


def _pair(remote: dict[str, Any], connections: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        bare = _timed(lambda: _bare_sync(remote, Path(folder) / "bare.db", connections))
        ours = _timed(lambda: _our_sync(remote, Path(folder) / "ours.db", connections))
    return ours, bare


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _our_sync(remote: dict[str, Any], path: Path, connections: int) -> None:
    settings = load_settings(
        flags={
            "TESTIO_CUSTOMER_API_BASE_URL": remote["base_url"],
            "TESTIO_DB_PATH": str(path),
            "MAX_CONCURRENT_API_REQUESTS": connections,
        },
        env_file=None,
    )
    with open_store(settings, role=Role.ONE_SHOT) as store:
        result = make_sync_service(settings, SecretStr(remote["token"]), store).execute_sync()
    assert result.status == "success", result


def _bare_sync(remote: dict[str, Any], path: Path, connections: int) -> None:
    """Threads that take lists to read from a queue, and one thread that writes."""
    work: queue.Queue[tuple[str, int] | None] = queue.Queue()
    rows: queue.Queue[list[tuple[str, int, bytes]] | None] = queue.Queue()
    with requests.Session() as session:
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=connections + 1)
        session.mount("http://", adapter)
        session.headers["Authorization"] = f"Token {remote['token']}"

        def get(path: str) -> Any:
            answer = session.get(f"{remote['base_url']}{path}", timeout=30)
            answer.raise_for_status()
            return orjson.loads(answer.content)

        def read() -> None:
            while (task := work.get()) is not None:
                kind, product_id = task
                page, full = 1, True
                while full:
                    query = f"?page={page}&per_page={PAGE}" if kind != "features" else ""
                    items = get(f"/products/{product_id}/{kind}{query}")[kind]
                    rows.put([(kind, item["id"], orjson.dumps(item)) for item in items])
                    page, full = page + 1, kind != "features" and len(items) == PAGE

        writer = threading.Thread(target=_write, args=(path, rows))
        readers = [threading.Thread(target=read) for _ in range(connections)]
        for thread in (writer, *readers):
            thread.start()
        for kind in ("features", "exploratory_tests"):
            for product in get("/products")["products"]:
                work.put((kind, product["id"]))
        for _ in readers:
            work.put(None)
        for thread in readers:
            thread.join()
        rows.put(None)
        writer.join()


def _write(path: Path, rows: queue.Queue[list[tuple[str, int, bytes]] | None]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE rows (kind, id, data, PRIMARY KEY (kind, id))")
    while (page := rows.get()) is not None:
        connection.execute("BEGIN")
        connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", page)
        connection.execute("COMMIT")
    connection.close()


def _report(pairs: list[tuple[float, float]], connections: int) -> None:
    ratios = [ours / bare for ours, bare in pairs]
    print(f"full sync, {connections} connections, {len(pairs)} pairs: seconds (median, min, max)")
    for name, values in (
        ("testio-sync", [ours for ours, _ in pairs]),
        ("bare loop", [bare for _, bare in pairs]),
        ("ratio", ratios),
    ):
        low, high = min(values), max(values)
        print(f"  {name:<12} {statistics.median(values):6.2f} {low:6.2f} {high:6.2f}")


if __name__ == "__main__":
    main()
