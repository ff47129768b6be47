"""What `verify` reads of the mirror: its claims and its rows, each on a read-only handle."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from rules.diagnosis.verifying import Claim, Mirrored
from rules.mirror.contents import hash_of_stored
from rules.model import Kind
from storage.engine.readonly import Row

OWNERS = {Kind.PRODUCTS: None, Kind.FEATURES: "product_id", Kind.TESTS: "product_id"}


def claim(connection: sqlite3.Connection, product_id: int, kind: Kind) -> Claim:
    """What the mirror says of its own freshness."""
    row: Row = connection.execute(CLAIM, (product_id, kind.value)).fetchone()
    return Claim(
        complete_as_of=_instant(row["complete_as_of"]),
        complete_from=_instant(row["complete_from"]),
        current_as_of=_instant(row["current_as_of"]),
        gaps=row["gaps"],
    )


def is_by_section(connection: sqlite3.Connection, product_id: int) -> bool:
    """Whether the mirror has read a product's features section by section."""
    row = connection.execute(
        "SELECT by_section FROM sync_cursors WHERE product_id = ? AND kind = 'features'",
        (product_id,),
    ).fetchone()
    return row is not None and bool(row["by_section"])


def mirrored(
    connection: sqlite3.Connection,
    kind: Kind,
    product_id: int,
    *,
    record_id: int | None = None,
    sample: int | None = None,
) -> list[Mirrored]:
    """The rows of a product: all, those marked as deleted too; or one; or a random `sample`."""
    status = "status" if kind is Kind.TESTS else "NULL"
    query = f"SELECT id, content_hash, data, {status} AS status, synced_at, deleted_at FROM {kind}"
    owner, values = OWNERS[kind], []
    conditions: list[str] = []
    if owner is not None:
        conditions, values = [f"{owner} = ?"], [product_id]
    if record_id is not None:
        conditions, values = [*conditions, "id = ?"], [*values, record_id]
    if sample is not None:
        conditions, values = [*conditions, "deleted_at IS NULL"], [*values, sample]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    limit = "" if sample is None else " ORDER BY random() LIMIT ?"
    return [_row(kind, row) for row in connection.execute(query + where + limit, values)]


def _row(kind: Kind, row: Row) -> Mirrored:
    return Mirrored(
        id=row["id"],
        # A row that a rebuild has saved has none.
        content_hash=row["content_hash"] or hash_of_stored(kind, row["data"]),
        status=row["status"],
        synced_at=datetime.fromisoformat(row["synced_at"]),
        deleted_at=_instant(row["deleted_at"]),
    )


def _instant(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)


CLAIM = """
SELECT complete_as_of, complete_from, current_as_of,
    (SELECT count(*) FROM quarantine
     WHERE resolved_at IS NULL AND product_id = wanted.product_id AND kind = wanted.kind) AS gaps
FROM (SELECT ? AS product_id, ? AS kind) AS wanted
LEFT JOIN sync_cursors USING (product_id, kind)
"""
