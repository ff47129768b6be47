"""A run's events become a time line drawn to scale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.model import SyncPhase
from rules.run.timeline import Stretch, bar, timeline

START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def event(name: str, at: float, took: float = 0.0, **more: Any) -> dict[str, Any]:
    """A row of sync_events, `at` seconds after the start."""
    stored = (START + timedelta(seconds=at)).isoformat()
    row = {"event": name, "at": stored, "duration_seconds": took, "phase": "features"}
    return row | {"product_id": None, "outcome": None} | more


def test_phases_come_in_order_and_their_products_slowest_first() -> None:
    events = [
        event("run_started", 0, phase=None),
        event("phase_started", 1),
        event("product_synced", 2, 0.5, product_id=7, outcome="complete"),
        event("product_failed", 4, 3.0, product_id=8, outcome="failed"),
        event("phase_finished", 4, 3.0, outcome="partial"),
        event("phase_started", 4, phase="new_tests"),
    ]
    features, tests = timeline(START, events, START + timedelta(seconds=6))
    assert (features.phase, features.offset_seconds, features.duration_seconds) == (
        SyncPhase.FEATURES,
        1.0,
        3.0,
    )
    assert [(p.product_id, p.offset_seconds) for p in features.products] == [(8, 1.0), (7, 1.5)]
    assert (tests.outcome, tests.offset_seconds, tests.duration_seconds) == (None, 4.0, 2.0)


def test_events_that_were_removed_or_come_from_another_clock_do_no_harm() -> None:
    (phase,) = timeline(START, [event("product_synced", -5, 1.0, product_id=7)], START)
    assert (phase.offset_seconds, phase.duration_seconds) == (0.0, 0.0)
    assert timeline(START, [], START) == []


@given(
    offset=st.floats(0, 1e6),
    duration=st.floats(0, 1e6),
    whole=st.floats(0, 1e6),
    width=st.integers(1, 120),
)
def test_a_bar_is_never_empty_and_never_wider_than_its_room(
    offset: float, duration: float, whole: float, width: int
) -> None:
    drawn = bar(Stretch(offset_seconds=offset, duration_seconds=duration), whole, width)
    assert drawn.strip() == "█" * len(drawn.strip()) != ""
    assert len(drawn) <= width


def test_a_bar_is_drawn_to_scale() -> None:
    assert bar(Stretch(offset_seconds=5, duration_seconds=2.5), 10, 8) == "    ██"


def test_each_part_says_how_it_came_out() -> None:
    events = [
        event("product_synced", 5, 2.0, product_id=7, outcome="complete"),
        event("phase_finished", 6, 4.0, outcome="partial"),
    ]
    (phase,) = timeline(START, events, START + timedelta(seconds=9))
    assert (phase.outcome, phase.offset_seconds, phase.duration_seconds) == ("partial", 2.0, 4.0)
    assert phase.products == (
        Stretch(offset_seconds=3.0, duration_seconds=2.0, outcome="complete", product_id=7),
    )


def test_a_phase_of_which_nothing_is_known_begins_now() -> None:
    (phase,) = timeline(START, [event("other", 1)], START + timedelta(seconds=9))
    assert (phase.offset_seconds, phase.duration_seconds) == (9.0, 0.0)


@pytest.mark.parametrize(
    ("offset", "duration", "whole", "drawn"),
    [
        (0, 0, 0, "#"),
        (0, 0.5, 0.5, "########"),
        (7, 0, 8, "       #"),
        (20, 1, 8, "       #"),
        (0, 1, 8, "#"),
        (0, 16, 8, "########"),
        (4, 16, 8, "    ####"),
    ],
)
def test_a_bar_keeps_its_place_and_its_room(
    offset: float, duration: float, whole: float, drawn: str
) -> None:
    stretch = Stretch(offset_seconds=offset, duration_seconds=duration)
    assert bar(stretch, whole, 8, "#") == drawn
