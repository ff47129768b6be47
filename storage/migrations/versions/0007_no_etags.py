"""ETags of pages are not kept any more: the remote gives none."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Drop the table, with its index."""
    op.drop_table("page_etags")
