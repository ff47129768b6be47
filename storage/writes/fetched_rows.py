"""Writes what a single fetch brought, with a note that it was made, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rules.mirror.fetching import Entity
from rules.records import Page
from storage.engine.database import Database
from storage.engine.times import as_text
from storage.writes.mirror_rows import store_in

NO_RUN = 0
"""Stands where rows name the run that stored them."""

PATIENCE_SECONDS = 5.0


class FetchedRows:
    """The entity tables and `fetches`, for read-through in the process of the one writer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store(
        self, entity: Entity, pages: Iterable[Page], *, as_of: datetime | None, at: datetime
    ) -> None:
        """Write the pages and that the entity is known as of an instant, all or nothing.

        `as_of` None: the rows are worth keeping, but do not make the entity fresh. Raises
        StorageError.
        """
        with self._database.transaction(patience=PATIENCE_SECONDS) as connection:
            for page in pages:
                store_in(connection, page, run_id=NO_RUN, at=at)
            if as_of is not None:
                connection.execute(FETCHED, _place(entity) | {"as_of": as_text(as_of)})

    def note_failure(self, entity: Entity, error: str, *, at: datetime) -> None:
        """Note why an entity could not be fetched; what is known of it stays. StorageError."""
        with self._database.transaction(patience=PATIENCE_SECONDS) as connection:
            connection.execute(FAILED, _place(entity) | {"error": error, "now": as_text(at)})


def _place(entity: Entity) -> dict[str, object]:
    return {"kind": entity.subject.value, "id": entity.id}


FETCHED = """
INSERT INTO fetches (kind, entity_id, fetched_at) VALUES (:kind, :id, :as_of)
ON CONFLICT (kind, entity_id) DO UPDATE SET
    fetched_at = excluded.fetched_at, last_error = NULL, failing_since = NULL
"""

FAILED = """
INSERT INTO fetches (kind, entity_id, last_error, failing_since) VALUES (:kind, :id, :error, :now)
ON CONFLICT (kind, entity_id) DO UPDATE SET
    last_error = excluded.last_error,
    failing_since = coalesce(failing_since, excluded.failing_since)
"""
