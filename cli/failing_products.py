"""The products that fail in a run, as lines, while it works."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from cli.screen import harmless
from storage import queries, watch_queries
from storage.errors import StorageError
from storage.event_feed import EventFeed, EventFilter
from storage.queries import Row


class FailureLines:
    """The products of a run that failed, from the database: each once, as a line.

    A daemon's log is elsewhere; who asked it for a run wants to know which products fail.
    """

    def __init__(self, database: Path, run_id: int) -> None:
        wanted = EventFilter(run_id=run_id, failures=True)
        self._feed = EventFeed(database, wanted, since=0)

    def new(self) -> list[str]:
        """Those that came since the last call; none while the database cannot be read."""
        try:
            batch = self._feed.poll()
        except StorageError:
            return []
        rows = [row for row in batch.rows if row["product_id"] is not None]
        names = names_in(self._feed.path, rows)
        return [harmless(f"{row['phase']}: {failure_text(row, names)}") for row in rows]


def names_in(database: Path, rows: list[Row]) -> dict[int, str]:
    """The names of the products in these events; none rather than a failure."""
    ids = [row["product_id"] for row in rows if row["product_id"]]
    if ids:
        with suppress(StorageError), queries.open_readonly(database) as connection:
            return watch_queries.product_names(connection, ids)
    return {}


def failure_text(row: Row, names: dict[int, str]) -> str:
    """The product, and how and why it failed."""
    kind = f"{row['error_kind']}: " if row["error_kind"] else ""
    product = _product(row["product_id"], names)
    return f"{product} {row['outcome']}: {kind}{row['error'] or ''}"


def _product(product_id: int, names: dict[int, str]) -> str:
    if product_id == 0:
        return "the product list"
    return f"product {product_id} {names.get(product_id, '')}".rstrip()
