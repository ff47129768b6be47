"""Rows as a listing sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rules.listing.stops import Seen

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Before it every row of `dated` ended."""


def dated(row: int, *, known: bool = False) -> Seen:
    """A row with an end of its own, earlier than that of every smaller one."""
    return Seen(id=row, end_at=START - timedelta(minutes=row + 1), known=known)
