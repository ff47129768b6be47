"""The execution metrics of tests, which only a single fetch brings, each with when that was."""

from __future__ import annotations

from collections.abc import Iterable
from sqlite3 import Connection

from rules.records import Record, TestRecord


def store_metrics(connection: Connection, records: Iterable[Record], now: str) -> None:
    """Keep the metrics of those records that were fetched by themselves."""
    told = [
        (record.id, now, record.metrics)
        for record in records
        if isinstance(record, TestRecord) and record.metrics is not None
    ]
    if told:
        connection.executemany(KEEP, told)


KEEP = "INSERT OR REPLACE INTO test_metrics (test_id, fetched_at, data) VALUES (?, ?, ?)"
