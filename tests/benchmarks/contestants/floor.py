"""The floor: threads that read fixed pages, one thread that writes them. No rule of a sync.

It is what any program has to do that mirrors the account: ask, parse, write. How it asks is
given: over raw sockets (`raw_floor.py`) or with requests (`requests_floor.py`).
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.contestants.contest import Task

PAGE = 25

Get = Callable[[str], bytes]
"""The body of the answer to a path below the base URL. Each thread has one of its own."""


def sync(task: Task, connect: Callable[[], Get]) -> int:
    """Read everything; returns how many rows are in the database afterwards."""
    work: queue.Queue[tuple[str, int] | None] = queue.Queue()
    rows: queue.Queue[list[tuple[str, int, bytes]] | None] = queue.Queue()
    path = task.folder / "floor.db"
    writer = threading.Thread(target=_write, args=(path, rows))
    readers = [
        threading.Thread(target=_read, args=(connect, work, rows)) for _ in range(task.connections)
    ]
    for thread in (writer, *readers):
        thread.start()
    products = orjson.loads(connect()("/products"))["products"]
    rows.put([("products", product["id"], orjson.dumps(product)) for product in products])
    for product in products:
        work.put(("features", product["id"]))
        work.put(("exploratory_tests", product["id"]))
    for _ in readers:
        work.put(None)
    for thread in readers:
        thread.join()
    rows.put(None)
    writer.join()
    with sqlite3.connect(path) as connection:
        return int(connection.execute("SELECT count(*) FROM rows").fetchone()[0])


def _read(
    connect: Callable[[], Get],
    work: queue.Queue[tuple[str, int] | None],
    rows: queue.Queue[list[tuple[str, int, bytes]] | None],
) -> None:
    get = connect()
    while (task := work.get()) is not None:
        kind, product_id = task
        page, full = 1, True
        while full:
            query = f"?page={page}&per_page={PAGE}" if kind != "features" else ""
            answer: dict[str, Any] = orjson.loads(get(f"/products/{product_id}/{kind}{query}"))
            items = answer[kind]
            rows.put([(kind, item["id"], orjson.dumps(item)) for item in items])
            page, full = page + 1, kind != "features" and len(items) == PAGE


def _write(path: Path, rows: queue.Queue[list[tuple[str, int, bytes]] | None]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE IF NOT EXISTS rows (kind, id, data, PRIMARY KEY (kind, id))")
    while (page := rows.get()) is not None:
        connection.execute("BEGIN")
        connection.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", page)
        connection.execute("COMMIT")
    connection.close()
