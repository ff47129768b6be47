"""Whose mirror this is, as it stands in `settings`; and the ids of the products it holds."""

from __future__ import annotations

from collections.abc import Mapping
from sqlite3 import Connection

from storage.engine.database import Database

BASE_URL = "account.base_url"
SALT = "account.salt"
FINGERPRINT = "account.fingerprint"
NAMES = (BASE_URL, SALT, FINGERPRINT)


class AccountRows:
    """Read and written on the one writing connection. Raises StorageError. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def recorded(self) -> dict[str, str]:
        """What is recorded of the account; empty before the first sync."""
        with self._database.transaction() as connection:
            found = connection.execute(
                "SELECT name, value FROM settings WHERE name IN (?, ?, ?)", NAMES
            )
            return {row[0]: row[1] for row in found}

    def product_ids(self) -> frozenset[int]:
        """Every product that was ever mirrored: one that is gone tells whose mirror it is, too."""
        with self._database.transaction() as connection:
            found = connection.execute("SELECT id FROM products")
            return frozenset(row[0] for row in found)

    def note(self, account: Mapping[str, str], now: str) -> None:
        """Record the account; on disk on return."""
        with self._database.transaction(durable=True) as connection:
            note_account(connection, account, now)


def note_account(connection: Connection, account: Mapping[str, str], now: str) -> None:
    """Record the account within somebody else's transaction."""
    if account:
        rows = [{"name": name, "value": value, "now": now} for name, value in account.items()]
        connection.executemany(NOTE, rows)


NOTE = """
INSERT INTO settings (name, value, changed_at) VALUES (:name, :value, :now)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at
"""
