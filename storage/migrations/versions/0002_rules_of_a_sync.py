"""Resuming, holes, held deletions, sections, user stories, bugs, read-through, settings."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
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
    (julianday('now') - julianday(cursor.current_as_of)) * 86400.0 AS age_seconds,
    coalesce(held."rows", 0) AS "rows",
    coalesce(gaps.holes, 0) AS holes,
    cursor.failing_since,
    listed.product_name,
    cursor.complete_from,
    cursor.last_outcome,
    cursor.last_error,
    "open".seen_at AS oldest_open_seen_at
FROM listed
LEFT JOIN sync_cursors AS cursor USING (product_id, kind)
LEFT JOIN held USING (product_id, kind)
LEFT JOIN gaps USING (product_id, kind)
LEFT JOIN "open" USING (product_id, kind)
"""

FILL_PARTS = (
    """
    INSERT OR REPLACE INTO sections (id, product_id, name, first_seen_at, changed_at, deleted_at)
    SELECT json_extract(section.value, '$.id'), product.id, json_extract(section.value, '$.name'),
        product.first_seen_at, product.changed_at, product.deleted_at
    FROM products AS product, json_each(product.data, '$.' || list.name) AS section,
        (SELECT 'sections_with_default' AS name UNION ALL SELECT 'sections') AS list
    WHERE json_extract(section.value, '$.id') IS NOT NULL
    """,
    """
    INSERT OR IGNORE INTO feature_sections (feature_id, section_id, first_seen_at, changed_at)
    SELECT feature.id, section.value, feature.first_seen_at, feature.changed_at
    FROM features AS feature, json_each(feature.section_ids) AS section
    """,
)
"""Parts of rows that are there already; user stories come with the next listing."""

NEW_COLUMNS: dict[str, list[sa.Column[Any]]] = {
    "products": [sa.Column("missed_in", sa.Integer())],
    "features": [sa.Column("missed_in", sa.Integer())],
    "tests": [sa.Column("checked_in", sa.Integer())],
    "sync_cursors": [
        sa.Column("listed_as_of", sa.Text()),
        sa.Column("full_listing", sa.Integer()),
        sa.Column("open_listing", sa.Integer()),
        sa.Column("resume_listing", sa.Integer()),
        sa.Column("resume", sa.Text()),
        sa.Column("in_order", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("by_section", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("wants_full", sa.Text()),
    ],
    "sync_runs": [
        sa.Column("rows_revived", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_gone", sa.Integer(), server_default=sa.text("0"), nullable=False),
    ],
    "quarantine": [
        sa.Column("sort", sa.Text(), server_default=sa.text("'bad_row'"), nullable=False),
        sa.Column("before_id", sa.Integer()),
        sa.Column("after_id", sa.Integer()),
        sa.Column("rank", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("probes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("probe_after", sa.Text()),
        sa.Column("resolution", sa.Text()),
    ],
}


def upgrade() -> None:
    """Add columns and tables; every first listing after this is a full one."""
    op.execute("DROP VIEW freshness")
    for table, columns in NEW_COLUMNS.items():
        for column in columns:
            op.add_column(table, column)
    _make_rows()
    _make_parts()
    _make_notes()
    for statement in FILL_PARTS:
        op.execute(statement)
    op.execute(FRESHNESS_VIEW)


def _part_columns() -> tuple[sa.Column[str], ...]:
    return (
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.Text(), nullable=True),
    )


def _make_rows() -> None:
    op.create_table(
        "bugs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("test_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("listed_in", sa.Integer(), nullable=True),
        sa.Column("first_seen_at", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.Column("synced_at", sa.Text(), nullable=False),
        sa.Column("deleted_at", sa.Text(), nullable=True),
        sa.Column("missed_in", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_bugs_test_id", "bugs", ["test_id"], unique=False)


def _make_parts() -> None:
    op.create_table(
        "sections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        *_part_columns(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_sections_product_id", "sections", ["product_id"], unique=False)
    op.create_table(
        "feature_sections",
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("section_id", sa.Integer(), nullable=False),
        *_part_columns(),
        sa.PrimaryKeyConstraint("feature_id", "section_id"),
    )
    op.create_table(
        "user_stories",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feature_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=True),
        *_part_columns(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_user_stories_feature_id", "user_stories", ["feature_id"], unique=False)


def _make_notes() -> None:
    op.create_table(
        "held_deletions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("row_ids", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("of_rows", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("held_at", sa.Text(), nullable=False),
        sa.Column("last_seen_at", sa.Text(), nullable=False),
        sa.Column("last_run_id", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('held', 'accepted', 'superseded')", name="ck_held_deletions_status"
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_held_deletions_product_id", "held_deletions", ["product_id", "kind"], unique=False
    )
    op.create_table(
        "fetches",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Integer(), nullable=False),
        sa.Column("fetched_at", sa.Text(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("failing_since", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "entity_id"),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
