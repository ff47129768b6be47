"""The first schema: products, features, tests, cursors, runs, events, quarantine, freshness."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

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


def upgrade() -> None:
    """Make the tables and the view."""
    op.create_table(
        "features",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("section_ids", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("listed_in", sa.Integer(), nullable=True),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.Column("synced_at", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_features_product_id", "features", ["product_id"], unique=False)
    op.create_table(
        "products",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("product_type", sa.Text(), nullable=True),
        sa.Column("has_sections", sa.Integer(), nullable=False),
        sa.Column("section_ids", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("listed_in", sa.Integer(), nullable=True),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.Column("synced_at", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("last_seen_at", sa.Text(), nullable=False),
        sa.Column("last_run_id", sa.Integer(), nullable=False),
        sa.Column("resolved_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "ux_quarantine_row", "quarantine", ["product_id", "kind", "fingerprint"], unique=True
    )
    op.create_table(
        "sync_cursors",
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("complete_as_of", sa.Text(), nullable=True),
        sa.Column("current_as_of", sa.Text(), nullable=True),
        sa.Column("complete_from", sa.Text(), nullable=True),
        sa.Column("last_outcome", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column(
            "consecutive_failures", sa.Integer(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("failing_since", sa.Text(), nullable=True),
        sa.Column("updated_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", "kind"),
    )
    op.create_table(
        "sync_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("duration_seconds", sa.Float(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.Column("error_kind", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sync_events_run_id", "sync_events", ["run_id"], unique=False)
    op.create_table(
        "sync_runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("trigger_source", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("completed_at", sa.Text(), nullable=True),
        sa.Column("duration_seconds", sa.Float(), nullable=True),
        sa.Column("phases", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("phases_completed", sa.Text(), nullable=True),
        sa.Column("products_synced", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("products_failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("features_refreshed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tests_discovered", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tests_updated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_new", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_changed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_unchanged", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_quarantined", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("warnings", sa.Text(), nullable=True),
        sa.Column("errors", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status = 'running' OR (completed_at IS NOT NULL AND duration_seconds IS NOT NULL)",
            name="ck_sync_runs_ended",
        ),
        sa.CheckConstraint(
            "status IN ('running', 'success', 'partial', 'failed', 'cancelled', 'interrupted')",
            name="ck_sync_runs_status",
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "tests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("review_status", sa.Text(), nullable=True),
        sa.Column("testing_type", sa.Text(), nullable=True),
        sa.Column("start_at", sa.Text(), nullable=True),
        sa.Column("end_at", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("listed_in", sa.Integer(), nullable=True),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.Column("synced_at", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_tests_product_id_end_at", "tests", ["product_id", "end_at"], unique=False)
    op.execute(FRESHNESS_VIEW)
