"""What an operator has chosen at run time, as rows of `settings`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from storage.engine.database import Database
from storage.engine.times import as_text
from storage.settings.account_rows import NOTE

PATIENCE_SECONDS = 2.0


class OverrideRows:
    """Read and written on the one writing connection. Raises StorageError. Thread-safe."""

    def __init__(self, database: Database, prefix: str) -> None:
        """Only rows whose names begin with `prefix` are touched."""
        self._database = database
        self._prefix = prefix

    def read(self) -> dict[str, str]:
        """All rows, by their names."""
        with self._database.transaction(patience=PATIENCE_SECONDS) as connection:
            found = connection.execute(
                "SELECT name, value FROM settings WHERE name GLOB ?", (f"{self._prefix}*",)
            )
            return {row[0]: row[1] for row in found}

    def write(self, rows: Mapping[str, str], *, at: datetime) -> None:
        """Have exactly these rows; on disk on return. Unchanged ones keep their time."""
        with self._database.transaction(durable=True, patience=PATIENCE_SECONDS) as connection:
            found = connection.execute(
                "SELECT name, value FROM settings WHERE name GLOB ?", (f"{self._prefix}*",)
            )
            stored = {row[0]: row[1] for row in found}
            for name in stored.keys() - rows.keys():
                connection.execute("DELETE FROM settings WHERE name = ?", (name,))
            for name, value in rows.items():
                if stored.get(name) != value:
                    row = {"name": name, "value": value, "now": as_text(at)}
                    connection.execute(NOTE, row)
