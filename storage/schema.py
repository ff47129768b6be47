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


def _missed_in() -> Column[int]:
    """The first complete listing that lacked the row; null while it is listed."""
    return Column("missed_in", Integer)


products = Table(
    "products",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text),
    Column("product_type", Text),
    Column("has_sections", Integer, nullable=False),
    Column("section_ids", Text, nullable=False),
    *_row_columns(),
    _missed_in(),
)

features = Table(
    "features",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("title", Text),
    Column("section_ids", Text),
    *_row_columns(),
    _missed_in(),
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
    Column("checked_in", Integer),
    Index("ix_tests_product_id_end_at", "product_id", "end_at"),
)

test_metrics = Table(
    "test_metrics",
    metadata,
    Column("test_id", Integer, primary_key=True),
    Column("fetched_at", Text, nullable=False),
    Column("data", Text, nullable=False),
)

bugs = Table(
    "bugs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("test_id", Integer, nullable=False),
    Column("title", Text),
    Column("severity", Text),
    Column("status", Text),
    *_row_columns(),
    _missed_in(),
    Index("ix_bugs_test_id", "test_id"),
)

TABLES: dict[Kind, Table] = {
    Kind.PRODUCTS: products,
    Kind.FEATURES: features,
    Kind.TESTS: tests,
    Kind.BUGS: bugs,
}
"""The table that holds the rows of each kind."""

OWNERS: dict[Kind, str | None] = {
    Kind.PRODUCTS: None,
    Kind.FEATURES: "product_id",
    Kind.TESTS: "product_id",
    Kind.BUGS: "test_id",
}
"""The column that says what a row belongs to."""


def _part_columns() -> tuple[Column[str], ...]:
    """What rows carry that come as parts of another record."""
    return (
        Column("first_seen_at", Text, nullable=False),
        Column("changed_at", Text, nullable=False),
        Column("deleted_at", Text),
    )


sections = Table(
    "sections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("name", Text),
    *_part_columns(),
    Index("ix_sections_product_id", "product_id"),
)

feature_sections = Table(
    "feature_sections",
    metadata,
    Column("feature_id", Integer, primary_key=True),
    Column("section_id", Integer, primary_key=True),
    *_part_columns(),
)

user_stories = Table(
    "user_stories",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("feature_id", Integer, nullable=False),
    Column("title", Text),
    Column("path", Text),
    *_part_columns(),
    Index("ix_user_stories_feature_id", "feature_id"),
)

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
    Column("listed_as_of", Text),
    Column("full_listing", Integer),
    Column("open_listing", Integer),
    Column("resume_listing", Integer),
    Column("resume", Text),
    Column("in_order", Integer, nullable=False, server_default=text("1")),
    Column("by_section", Integer, nullable=False, server_default=text("0")),
    Column("wants_full", Text),
    Column("sections_as_of", Text),
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
    Column("rows_revived", Integer, nullable=False, server_default=text("0")),
    Column("rows_gone", Integer, nullable=False, server_default=text("0")),
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
    Column("sort", Text, nullable=False, server_default=text("'bad_row'")),
    Column("before_id", Integer),
    Column("after_id", Integer),
    Column("rank", Integer, nullable=False, server_default=text("0")),
    Column("probes", Integer, nullable=False, server_default=text("0")),
    Column("probe_after", Text),
    Column("resolution", Text),
    Index("ux_quarantine_row", "product_id", "kind", "fingerprint", unique=True),
)

held_deletions = Table(
    "held_deletions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("row_ids", Text, nullable=False),
    Column("row_count", Integer, nullable=False),
    Column("of_rows", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("held_at", Text, nullable=False),
    Column("last_seen_at", Text, nullable=False),
    Column("last_run_id", Integer, nullable=False),
    Column("decided_at", Text),
    CheckConstraint(
        "status IN ('held', 'accepted', 'superseded')", name="ck_held_deletions_status"
    ),
    Index("ix_held_deletions_product_id", "product_id", "kind"),
    sqlite_autoincrement=True,
)

fetches = Table(
    "fetches",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("entity_id", Integer, primary_key=True),
    Column("fetched_at", Text),
    Column("last_error", Text),
    Column("failing_since", Text),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("changed_at", Text, nullable=False),
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
),
"open" (product_id, kind, seen_at) AS (
    SELECT product_id, 'tests', min(synced_at) FROM tests
    WHERE deleted_at IS NULL AND coalesce(status, '') NOT IN ('archived', 'cancelled')
    GROUP BY product_id
)
SELECT
    listed.product_id,
    listed.kind,
    cursor.complete_as_of,
    cursor.current_as_of,
    CASE WHEN julianday('now') - julianday(cursor.current_as_of) > -1.0 / 86400.0 THEN
        max(0.0, (julianday('now') - julianday(cursor.current_as_of)) * 86400.0)
    END AS age_seconds,
    coalesce(held."rows", 0) AS "rows",
    coalesce(gaps.holes, 0) AS holes,
    cursor.failing_since,
    listed.product_name,
    cursor.complete_from,
    cursor.last_outcome,
    cursor.last_error,
    "open".seen_at AS oldest_open_seen_at,
    cursor.sections_as_of
FROM listed
LEFT JOIN sync_cursors AS cursor USING (product_id, kind)
LEFT JOIN held USING (product_id, kind)
LEFT JOIN gaps USING (product_id, kind)
LEFT JOIN "open" USING (product_id, kind)
"""
