"""The products that fail in a run, in words."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from storage import queries, watch_queries
from storage.errors import StorageError
from storage.queries import Row


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
