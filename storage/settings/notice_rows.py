"""What each channel has told of, as it stands in `settings`: a restart is to know it."""

from __future__ import annotations

from datetime import UTC, datetime

from storage.engine.database import Database
from storage.engine.times import as_text
from storage.settings.account_rows import NOTE

PATIENCE_SECONDS = 5.0


class NoticeRows:
    """Read and written on the one writing connection. Raises StorageError. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recorded(self, channel: str) -> str | None:
        """What was told on this channel and is not over; None where all is well."""
        with self._database.transaction(patience=PATIENCE_SECONDS) as connection:
            row = connection.execute(
                "SELECT value FROM settings WHERE name = ?", (_name(channel),)
            ).fetchone()
        return None if row is None else str(row[0])

    def note(self, channel: str, told: str | None) -> None:
        """Remember it; on disk on return."""
        name, now = _name(channel), as_text(datetime.now(UTC))
        with self._database.transaction(durable=True, patience=PATIENCE_SECONDS) as connection:
            if told is None:
                connection.execute("DELETE FROM settings WHERE name = ?", (name,))
            else:
                connection.execute(NOTE, {"name": name, "value": told, "now": now})


def _name(channel: str) -> str:
    return f"notify.{channel}"
