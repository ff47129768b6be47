"""Every table of the mirror, declared once. The names are public: people write SQL against them.

docs/schema.md explains each column. Times are UTC, ISO 8601 text with microseconds and a `Z`, so
that they sort as text. A change here needs a migration and a line in CHANGELOG.md.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

from rules.model import Kind

metadata = MetaData()


def _row_columns() -> tuple[Column[str] | Column[int], ...]:
    """What every mirrored row carries beside its own columns."""
    return (
        Column("data", Text, nullable=False),
        Column("content_hash", Text, nullable=False),
        Column("listed_in", Integer),
        Column("first_seen_at", Text, nullable=False),
        Column("changed_at", Text, nullable=False),
        Column("synced_at", Text, nullable=False),
        Column("deleted_at", Text),
    )


products = Table(
    "products",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("product_type", Text),
    Column("has_sections", Integer, nullable=False),
    Column("section_ids", Text, nullable=False),
    *_row_columns(),
)

features = Table(
    "features",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("title", Text),
    Column("section_ids", Text, nullable=False),
    *_row_columns(),
    Index("ix_features_product_id", "product_id"),
)

tests = Table(
    "tests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("title", Text),
    Column("status", Text),
    Column("review_status", Text),
    Column("testing_type", Text),
    Column("start_at", Text),
    Column("end_at", Text),
    *_row_columns(),
    Index("ix_tests_product_id_end_at", "product_id", "end_at"),
)

TABLES: dict[Kind, Table] = {
    Kind.PRODUCTS: products,
    Kind.FEATURES: features,
    Kind.TESTS: tests,
}
"""The table that holds the rows of each kind."""

sync_cursors = Table(
    "sync_cursors",
    metadata,
    Column("product_id", Integer, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("complete_as_of", Text),
    Column("current_as_of", Text),
    Column("complete_from", Text),
    Column("last_outcome", Text),
    Column("last_error", Text),
    Column("consecutive_failures", Integer, nullable=False, server_default=text("0")),
    Column("failing_since", Text),
    Column("updated_at", Text, nullable=False),
)

sync_runs = Table(
    "sync_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("trigger_source", Text, nullable=False),
    Column("started_at", Text, nullable=False),
    Column("completed_at", Text),
    Column("duration_seconds", Float),
    Column("phases", Text, nullable=False),
    Column("scope", Text),
    Column("options", Text, nullable=False),
    Column("phases_completed", Text),
    Column("products_synced", Integer, nullable=False, server_default=text("0")),
    Column("products_failed", Integer, nullable=False, server_default=text("0")),
    Column("features_refreshed", Integer, nullable=False, server_default=text("0")),
    Column("tests_discovered", Integer, nullable=False, server_default=text("0")),
    Column("tests_updated", Integer, nullable=False, server_default=text("0")),
    Column("rows_new", Integer, nullable=False, server_default=text("0")),
    Column("rows_changed", Integer, nullable=False, server_default=text("0")),
    Column("rows_unchanged", Integer, nullable=False, server_default=text("0")),
    Column("rows_quarantined", Integer, nullable=False, server_default=text("0")),
    Column("warnings", Text),
    Column("errors", Text),
    CheckConstraint(
        "status IN ('running', 'success', 'partial', 'failed', 'cancelled', 'interrupted')",
        name="ck_sync_runs_status",
    ),
    CheckConstraint(
        "status = 'running' OR (completed_at IS NOT NULL AND duration_seconds IS NOT NULL)",
        name="ck_sync_runs_ended",
    ),
)

sync_events = Table(
    "sync_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer),
    Column("at", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("phase", Text),
    Column("product_id", Integer),
    Column("outcome", Text),
    Column("duration_seconds", Float, nullable=False),
    Column("counts", Text),
    Column("error_kind", Text),
    Column("error", Text),
    Column("detail", Text),
    Index("ix_sync_events_run_id", "run_id"),
    sqlite_autoincrement=True,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("record_id", Integer),
    Column("reason", Text, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("first_seen_at", Text, nullable=False),
    Column("last_seen_at", Text, nullable=False),
    Column("last_run_id", Integer, nullable=False),
    Column("resolved_at", Text),
    Index("ux_quarantine_row", "product_id", "kind", "fingerprint", unique=True),
)

FRESHNESS_VIEW = """
CREATE VIEW freshness AS
WITH listed (product_id, product_name, kind) AS (
    SELECT 0, NULL, 'products'
    UNION ALL
    SELECT id, name, 'features' FROM products WHERE deleted_at IS NULL
    UNION ALL
    SELECT id, name, 'tests' FROM products WHERE deleted_at IS NULL
),
held (product_id, kind, "rows") AS (
    SELECT 0, 'products', count(*) FROM products WHERE deleted_at IS NULL
    UNION ALL
    SELECT product_id, 'features', count(*) FROM features
    WHERE deleted_at IS NULL GROUP BY product_id
    UNION ALL
    SELECT product_id, 'tests', count(*) FROM tests
    WHERE deleted_at IS NULL GROUP BY product_id
),
gaps (product_id, kind, holes) AS (
    SELECT product_id, kind, count(*) FROM quarantine
    WHERE resolved_at IS NULL GROUP BY product_id, kind
)
SELECT
    listed.product_id,
    listed.kind,
    cursor.complete_as_of,
    cursor.current_as_of,
    (julianday('now') - julianday(cursor.current_as_of)) * 86400.0 AS age_seconds,
    coalesce(held."rows", 0) AS "rows",
    coalesce(gaps.holes, 0) AS holes,
    cursor.failing_since,
    listed.product_name,
    cursor.complete_from,
    cursor.last_outcome,
    cursor.last_error
FROM listed
LEFT JOIN sync_cursors AS cursor USING (product_id, kind)
LEFT JOIN held USING (product_id, kind)
LEFT JOIN gaps USING (product_id, kind)
"""
