"""Instants and spans of time as people write them: `3 days ago`, `2026-01-31`, `30m`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

SINCE_EXPECTED = (
    "a date like 2026-01-31, a time like 2026-01-31T08:00Z, today, yesterday, or '3 days ago'"
)
SPAN_EXPECTED = "a span like 90s, 30m, 2h or 1d, or 0"

_AGO = re.compile(r"(\d{1,9}) (minute|hour|day|week)s? ago", re.ASCII)
_SPAN = re.compile(r"(\d{1,9})([smhd]?)", re.ASCII)
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def parse_since(text: str, now: datetime) -> datetime:
    """The instant that `text` means at `now`, in UTC.

    A date, `today` and `yesterday` mean the start of that day in UTC; a time without an offset is
    UTC. Raises ValueError, whose text says what was expected.
    """
    words = " ".join(text.lower().split())
    try:
        return (_by_words(words, now) or _by_calendar(text.strip())).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"expected {SINCE_EXPECTED}; got {text!r}") from error


def parse_span(text: str) -> float:
    """The seconds of a span like `30m`; a number without a unit is seconds. Raises ValueError."""
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"expected {SPAN_EXPECTED}; got {text!r}")
    return float(int(match[1]) * _UNIT_SECONDS[match[2]])


def _by_words(words: str, now: datetime) -> datetime | None:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if words == "today":
        return midnight
    if words == "yesterday":
        return midnight - timedelta(days=1)
    if match := _AGO.fullmatch(words):
        return now - timedelta(**{f"{match[2]}s": int(match[1])})
    return None


def _by_calendar(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
