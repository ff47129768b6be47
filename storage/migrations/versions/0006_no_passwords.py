"""Nothing that grants access to a test environment is stored any more.

The schema stays as it is. What earlier versions stored is taken out by `renewing`, after
each change of the schema, by the functions that every reader uses; `migrate` has the file
written anew behind it, so that nothing is left in its free pages, its log or the backup.
"""

from __future__ import annotations

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing but the number, which has the contents renewed."""
