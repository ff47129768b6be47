"""Instants and spans as people write them."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.text.instants import parse_since, parse_span

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T08:15", datetime(2026, 1, 31, 8, 15, tzinfo=UTC)),
        ("2026-01-31T08:15:00+02:00", datetime(2026, 1, 31, 6, 15, tzinfo=UTC)),
        (" 2026-01-31T08:15:00Z ", datetime(2026, 1, 31, 8, 15, tzinfo=UTC)),
        ("today", datetime(2026, 3, 10, tzinfo=UTC)),
        ("Yesterday", datetime(2026, 3, 9, tzinfo=UTC)),
        ("1 minute ago", NOW - timedelta(minutes=1)),
        ("3 days  ago", NOW - timedelta(days=3)),
        ("2 Weeks ago", NOW - timedelta(weeks=2)),
    ],
)
def test_an_instant_is_understood(text: str, expected: datetime) -> None:
    assert parse_since(text, NOW) == expected
    assert parse_since(text, NOW).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "3 days",
        "-3 days ago",
        "3 months ago",
        "999999999 weeks ago",
        "0001-01-01T00:00+14:00",
        "٣ days ago",
    ],
)
def test_what_is_no_instant_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match="expected a date like 2026-01-31"):
        parse_since(text, NOW)


@given(st.text())
def test_any_other_text_is_refused_in_the_same_way(text: str) -> None:
    """Never with another error; what happens to be a date is one."""
    with contextlib.suppress(ValueError):
        assert parse_since(text, NOW).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("45", 45), ("90s", 90), ("30m", 1800), ("2H", 7200), ("1d", 86400)],
)
def test_a_span_is_understood(text: str, seconds: float) -> None:
    assert parse_span(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-1", "1.5h", "2 h", "1w", "²"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a span like"):
        parse_span(text)


def test_a_day_begins_at_midnight_utc_wherever_the_clock_is_set() -> None:
    tokyo = timezone(timedelta(hours=9))
    now = datetime(2026, 3, 11, 0, 30, 15, 999, tzinfo=tokyo)
    assert parse_since("today", now) == datetime(2026, 3, 10, tzinfo=UTC)


def test_a_time_without_an_offset_is_utc_whatever_this_machine_goes_by(in_tokyo: None) -> None:
    assert parse_since("2026-01-31T08:00", NOW) == datetime(2026, 1, 31, 8, tzinfo=UTC)
    assert parse_since("today", NOW) == datetime(2026, 3, 10, tzinfo=UTC)
