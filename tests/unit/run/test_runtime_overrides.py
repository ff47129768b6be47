"""What an operator has chosen survives as text, and nothing unclear is taken for a choice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.run.runtime_overrides import NUMBERS, PREFIX, RuntimeOverrides, overrides_of

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)

instants = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
choices = st.builds(
    RuntimeOverrides,
    interval_seconds=st.none() | st.floats(0, 604_800),
    concurrency=st.none() | st.integers(1, 64),
    requests_per_second=st.none() | st.integers(0, 10_000),
)


@given(chosen=choices, until=st.none() | instants, paused=st.booleans())
def test_what_is_kept_is_read_again(
    chosen: RuntimeOverrides, until: datetime | None, paused: bool
) -> None:
    if paused:
        chosen = chosen.pause(until)
    assert overrides_of(chosen.as_rows()) == (chosen, ())


names = st.sampled_from(["paused", *NUMBERS]) | st.text()
texts = st.text() | st.integers().map(str) | st.floats().map(str) | instants.map(str)


@given(rows=st.dictionaries(names.map(lambda name: f"{PREFIX}{name}"), texts))
def test_no_text_makes_it_fail(rows: dict[str, str]) -> None:
    found, refused = overrides_of(rows)
    assert found == overrides_of(found.as_rows())[0]
    assert set(refused) <= set(rows)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("interval_seconds", "-1"),
        ("interval_seconds", "nan"),
        ("interval_seconds", "1e9"),
        ("concurrency", "0"),
        ("concurrency", "65"),
        ("requests_per_second", "many"),
        ("paused", "2026-03-01T08:00:00"),
        ("paused", "soon"),
        ("colour", "blue"),
    ],
)
def test_what_is_unclear_is_named_and_left_aside(name: str, text: str) -> None:
    rows = {f"{PREFIX}{name}": text, f"{PREFIX}concurrency": "4"} | {f"{PREFIX}{name}": text}
    found, refused = overrides_of(rows)
    assert refused == (f"{PREFIX}{name}",)
    assert found.concurrency == (None if name == "concurrency" else 4)


def test_the_least_and_the_most_that_may_be_chosen_are_taken() -> None:
    least = RuntimeOverrides(interval_seconds=0, concurrency=1, requests_per_second=0)
    most = RuntimeOverrides(interval_seconds=604_800, concurrency=64, requests_per_second=10_000)
    for chosen in (least, most):
        assert overrides_of(chosen.as_rows()) == (chosen, ())


def test_a_pause_that_was_to_end_has_ended_after_a_restart() -> None:
    chosen = RuntimeOverrides().pause(NOW + timedelta(hours=2))
    assert chosen.is_paused(NOW)
    assert not chosen.is_paused(NOW + timedelta(hours=2))
    assert RuntimeOverrides().pause(None).is_paused(NOW + timedelta(days=999))
    assert not RuntimeOverrides().is_paused(NOW)


def test_resuming_ends_a_pause_and_its_time() -> None:
    chosen = RuntimeOverrides(concurrency=3)
    assert chosen.pause(NOW).resume() == chosen
    assert chosen.pause(None).resume() == chosen


def test_what_is_kept_is_written_as_a_person_would() -> None:
    chosen = RuntimeOverrides(interval_seconds=300.0, requests_per_second=5).pause(None)
    assert chosen.as_rows() == {
        "operator.paused": "until resumed",
        "operator.interval_seconds": "300",
        "operator.requests_per_second": "5",
    }
