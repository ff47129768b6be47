"""The one format of times in the database; apart, so that it loads without SQLAlchemy."""

from __future__ import annotations

from datetime import UTC, datetime

from storage.engine.damage import Unreadable


def as_text(instant: datetime) -> str:
    """The one format of times in the database: `2026-01-31T08:15:00.000000Z`."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    return instant.isoformat(timespec="microseconds")[:-6] + "Z"


def as_instant(stored: str) -> datetime:
    """The instant that a stored time names. Raises Unreadable."""
    try:
        return datetime.fromisoformat(stored)
    except (TypeError, ValueError) as error:
        raise Unreadable(f"there is no time in {stored!r}") from error
