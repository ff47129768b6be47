"""Metrics of single tests; in which sections features stand may be unknown.

That no row looks changed to the first run behind this step is not done here but in
`renewing`, after each change of the schema: hashes are made by the one function there is.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WAS = '"open".seen_at AS oldest_open_seen_at\nFROM'
IS = '"open".seen_at AS oldest_open_seen_at,\n    cursor.sections_as_of\nFROM'

# Until now an empty list stood for "in none" and for "not told"; the plain list tells of none.
UNKNOWN = """
UPDATE features SET section_ids = NULL
WHERE section_ids = '[]' AND product_id IN (SELECT id FROM products WHERE has_sections = 1)
"""

KNOWN = """
UPDATE sync_cursors SET sections_as_of = current_as_of
WHERE kind = 'features'
    AND (by_section = 1 OR product_id IN (SELECT id FROM products WHERE has_sections = 0))
"""


def upgrade() -> None:
    """Add the table and the column, and tell unknown from none."""
    view = op.get_bind().exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'freshness'")
    text = str(view.scalar_one())
    op.execute("DROP VIEW freshness")
    op.create_table(
        "test_metrics",
        sa.Column("test_id", sa.Integer(), nullable=False),
        sa.Column("fetched_at", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("test_id"),
    )
    op.add_column("sync_cursors", sa.Column("sections_as_of", sa.Text(), nullable=True))
    with op.batch_alter_table("features") as features:
        features.alter_column("section_ids", existing_type=sa.Text(), nullable=True)
    op.execute(UNKNOWN)
    op.execute(KNOWN)
    op.execute(text.replace(WAS, IS))
