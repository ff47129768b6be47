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
        with suppress(StorageError):
            rows = [row for row in self._feed.poll().rows if row["product_id"] is not None]
            with queries.open_readonly(self._feed.path) as connection:
                names = watch_queries.product_names(connection, [row["product_id"] for row in rows])
            return [harmless(f"{row['phase']}: {failure_text(row, names)}") for row in rows]
        return []


def failure_text(row: Row, names: dict[int, str]) -> str:
    """The product, and how and why it failed."""
    kind = f"{row['error_kind']}: " if row["error_kind"] else ""
    product = _product(row["product_id"], names)
    return f"{product} {row['outcome']}: {kind}{row['error'] or ''}"


def _product(product_id: int, names: dict[int, str]) -> str:
    if product_id == 0:
        return "the product list"
    return f"product {product_id} {names.get(product_id, '')}".rstrip()
