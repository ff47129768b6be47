"""How a product's tests are listed: why in full, what is gone on with, when its turn comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.listing.planning import OLDEST_RESUME, CursorState, Mode, is_due, plan, why_full
from rules.listing.resume import Interrupted, ResumePoint
from rules.model import SyncOptions

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DAY = 86_400.0
RECENTLY = NOW - timedelta(seconds=1)
LONG_AGO = NOW - timedelta(days=3)
OPTIONS = SyncOptions(reconcile_seconds=DAY)
GOOD = CursorState(complete_as_of=RECENTLY, listed_as_of=RECENTLY)


def stopped(complete_from: str | None = None) -> Interrupted:
    return Interrupted(point=ResumePoint(), as_of=NOW.isoformat(), complete_from=complete_from)


def planned(cursor: CursorState, options: SyncOptions = OPTIONS) -> Mode:
    return plan(1, cursor, options, NOW)


@pytest.mark.parametrize(
    ("cursor", "options", "mode"),
    [
        (GOOD, OPTIONS, Mode.INCREMENTAL),
        (GOOD, replace(OPTIONS, force=True), Mode.FULL),
        (CursorState(), OPTIONS, Mode.FULL),
        (CursorState(), replace(OPTIONS, incremental_only=True), Mode.NONE),
        (replace(GOOD, in_order=False), replace(OPTIONS, incremental_only=True), Mode.INCREMENTAL),
        (CursorState(), replace(OPTIONS, since=LONG_AGO, force=True), Mode.SINCE),
    ],
)
def test_what_was_asked_for_decides_before_what_is_known(
    cursor: CursorState, options: SyncOptions, mode: Mode
) -> None:
    assert planned(cursor, options) is mode


@pytest.mark.parametrize(
    ("cursor", "why"),
    [
        (GOOD, None),
        (replace(GOOD, listed_as_of=None), "never listed in full"),
        (
            replace(GOOD, complete_as_of=None),
            "never complete, and nothing stands in the way any more",
        ),
        (replace(GOOD, complete_as_of=None, gaps=1), None),
        (replace(GOOD, wants_full="rows are doubted"), "rows are doubted"),
        (
            replace(GOOD, interrupted=stopped(), interrupted_at=LONG_AGO),
            "an interrupted full listing is too old to go on",
        ),
        (replace(GOOD, in_order=False), "the list does not keep its order"),
        (replace(GOOD, complete_from=LONG_AGO), "more is to be mirrored than before"),
        (replace(GOOD, listed_as_of=LONG_AGO), "the reconcile interval has passed"),
    ],
)
def test_each_reason_for_a_full_listing_is_named(cursor: CursorState, why: str | None) -> None:
    assert why_full(1, cursor, OPTIONS, NOW) == why
    assert planned(cursor) is (Mode.FULL if why else Mode.INCREMENTAL)


@pytest.mark.parametrize(("days", "full"), [(-1, True), (0, False), (1, False)])
def test_only_a_wider_window_than_before_needs_a_full_listing(days: int, full: bool) -> None:
    cursor = replace(GOOD, complete_from=LONG_AGO)
    options = replace(OPTIONS, mirror_since=LONG_AGO + timedelta(days=days))
    assert (why_full(1, cursor, options, NOW) is not None) is full


HALF_READ = replace(GOOD, interrupted=stopped(), interrupted_at=RECENTLY)


def test_an_interrupted_listing_is_gone_on_with() -> None:
    assert planned(HALF_READ) is Mode.RESUMED
    assert planned(replace(HALF_READ, interrupted_at=NOW)) is Mode.RESUMED
    assert planned(CursorState(interrupted=stopped(), interrupted_at=NOW)) is Mode.RESUMED


@pytest.mark.parametrize(
    "cursor",
    [
        replace(HALF_READ, interrupted_at=None),
        replace(HALF_READ, interrupted_at=NOW + timedelta(seconds=1)),
        replace(HALF_READ, wants_full="wished for since"),
        replace(HALF_READ, interrupted=stopped(LONG_AGO.isoformat())),
    ],
    ids=["it never began", "its clock was wrong", "it cannot grant a wish", "it is of less"],
)
def test_an_interrupted_listing_that_would_not_do_is_not_gone_on_with(cursor: CursorState) -> None:
    assert planned(cursor) is Mode.FULL


def test_an_interrupted_listing_belongs_to_one_limit() -> None:
    limited = replace(OPTIONS, mirror_since=LONG_AGO)
    half_read = replace(HALF_READ, interrupted=stopped(LONG_AGO.isoformat()))
    assert planned(half_read, limited) is Mode.RESUMED
    assert planned(HALF_READ, limited) is Mode.FULL
    other = replace(OPTIONS, mirror_since=RECENTLY)
    assert planned(half_read, other) is Mode.FULL


@pytest.mark.parametrize(
    ("reconcile", "oldest"), [(60.0, OLDEST_RESUME), (5 * DAY, timedelta(days=5))]
)
def test_how_old_an_interrupted_listing_may_be(reconcile: float, oldest: timedelta) -> None:
    options = replace(OPTIONS, reconcile_seconds=reconcile)
    just = replace(HALF_READ, interrupted_at=NOW - oldest)
    assert planned(just, options) is Mode.RESUMED
    older = replace(just, interrupted_at=NOW - oldest - timedelta(seconds=1))
    assert planned(older, options) is Mode.FULL


@given(product=st.integers(1, 10**9), hours=st.integers(1, 500))
def test_a_turn_comes_exactly_once_in_an_interval(product: int, hours: int) -> None:
    interval = hours * 3_600.0
    assert is_due(product, NOW, interval, NOW + timedelta(seconds=interval + 1))
    quarters = [NOW + timedelta(seconds=interval * step / 4) for step in range(5)]
    turns = [is_due(product, a, interval, b) for a, b in pairwise(quarters)]
    assert sum(turns) == 1


def test_the_turns_of_products_are_spread_over_the_interval() -> None:
    first_hour = NOW + timedelta(seconds=DAY / 24)
    due = sum(is_due(product, NOW, DAY, first_hour) for product in range(1, 2401))
    assert 90 <= due <= 110, "a hundred of 2,400 have their turn in one hour of 24"
    close = [product for product in (1, 2, 3) if is_due(product, NOW, DAY, first_hour)]
    assert len(close) <= 1, "neighbours have different turns"


def test_an_exact_moment_pins_the_spreading() -> None:
    """Two versions that disagree would list everything again after an upgrade."""
    start = datetime(1970, 1, 11, tzinfo=UTC)
    turn = {product: _turn(product, start) for product in (0, 1, 2, 1000)}
    assert turn == {0: 24, 1: 15, 2: 6, 1000: 1}


def _turn(product: int, start: datetime) -> int:
    """In which hour after `start` the product's turn comes."""
    hours = (hour for hour in range(1, 25) if is_due(product, start, DAY, _after(start, hour)))
    return next(hours)


def _after(start: datetime, hours: int) -> datetime:
    return start + timedelta(hours=hours)


def test_without_an_interval_or_with_a_wrong_clock_it_is_due() -> None:
    assert is_due(1, NOW, 0.0, NOW)
    assert is_due(1, NOW + timedelta(seconds=1), DAY, NOW)
    assert not is_due(1, NOW, DAY, NOW)
    assert not is_due(7, NOW, 1.0, NOW), "one second is an interval"
