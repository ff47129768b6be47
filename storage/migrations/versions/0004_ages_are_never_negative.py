"""Ages in `freshness`: unknown, not negative, where the clock was set back since."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WAS = "(julianday('now') - julianday(cursor.current_as_of)) * 86400.0 AS age_seconds"
IS = """\
CASE WHEN julianday('now') - julianday(cursor.current_as_of) > -1.0 / 86400.0 THEN
        max(0.0, (julianday('now') - julianday(cursor.current_as_of)) * 86400.0)
    END AS age_seconds"""


def upgrade() -> None:
    """Make the view again, with this column otherwise."""
    view = op.get_bind().exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'freshness'")
    text = str(view.scalar_one())
    op.execute("DROP VIEW freshness")
    op.execute(text.replace(WAS, IS))
