"""What counts as healthy: ages, actors, workers, disk, remote; and what is only a warning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.diagnosis.health import (
    BREAKER_SECONDS,
    CROWDED,
    LOGGER_SILENT_SECONDS,
    SILENT_SECONDS,
    Check,
    DaemonState,
    Facts,
    Finding,
    HealthVerdict,
    Limits,
    ListingFacts,
    Quiet,
    judge,
)
from rules.model import Kind
from rules.text.durations import spoken

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LIMITS = Limits.of(interval=900, reconcile=86_400, max_age=0)
WELL = DaemonState(silent={"coordinator": 0.0, "logger": 0.2}, mailboxes={"logger": 3})


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def listing(
    current: float | None, complete: float | None, *, product_id: int = 18, unusable: int = 0
) -> ListingFacts:
    """The tests of a product that were read and complete so many seconds ago."""
    return ListingFacts(
        product_id=product_id,
        kind=Kind.TESTS,
        complete_as_of=None if complete is None else ago(complete),
        current_as_of=None if current is None else ago(current),
        known_since=ago(10),
        unusable=unusable,
    )


def judged(
    *listings: ListingFacts, daemon: DaemonState | None = WELL, limits: Limits = LIMITS
) -> HealthVerdict:
    return judge(Facts(now=NOW, daemon=daemon, listings=listings), limits)


def checks(findings: tuple[Finding, ...]) -> list[Check]:
    return [finding.check for finding in findings]


ages = st.none() | st.floats(0, 1e7)


@given(st.lists(st.tuples(ages, ages, st.integers(0, 2))))
def test_only_what_is_beyond_its_limit_makes_unhealthy(
    given_ages: list[tuple[float | None, float | None, int]],
) -> None:
    listings = [
        listing(current, complete, product_id=n + 1, unusable=unusable)
        for n, (current, complete, unusable) in enumerate(given_ages)
    ]
    verdict = judged(*listings)
    stale = any(each[0] is not None and each[0] > 3_600 for each in given_ages)
    incomplete = any(
        current is not None and complete is not None and complete > 172_800 and not unusable
        for current, complete, unusable in given_ages
    )
    assert (Check.STALE in checks(verdict.reasons)) is stale
    assert (Check.INCOMPLETE in checks(verdict.reasons)) is incomplete
    assert verdict.healthy is not (stale or incomplete)
    assert len(verdict.reasons) <= 3, "however many products, one reason a check and kind"


@given(st.lists(st.floats(3_601, 1e7), min_size=1, max_size=9))
def test_the_oldest_stands_for_all(given_ages: list[float]) -> None:
    listings = [listing(each, 0, product_id=n + 1) for n, each in enumerate(given_ages)]
    (reason,) = judged(*listings).reasons
    assert reason.seconds == pytest.approx(max(given_ages), abs=1e-3)
    assert (f"and {len(listings) - 1} more" in reason.where) is (len(listings) > 1)
    assert spoken(reason.seconds or 0) in reason.message


def test_what_was_never_fetched_counts_from_when_it_appeared() -> None:
    young = listing(None, None)
    assert judged(young).healthy
    (reason,) = judged(replace(young, known_since=ago(3_601))).reasons
    assert reason.check is Check.NEVER_FETCHED


def test_records_that_nobody_here_can_mend_are_a_warning() -> None:
    verdict = judged(listing(60, 200_000, unusable=1))
    assert verdict.healthy
    assert checks(verdict.warnings) == [Check.UNREADABLE_RECORDS]


def test_a_clock_that_was_put_right_by_a_little_makes_nothing_old() -> None:
    assert judged(listing(-200, -200)).healthy


def test_what_was_read_far_in_the_future_is_of_no_known_age() -> None:
    verdict = judged(listing(-4_000, -4_000))
    assert not verdict.healthy
    assert "an unknown time (it was read in the future" in verdict.reasons[0].message
    assert verdict.reasons[0].seconds is None


@pytest.mark.parametrize(
    ("interval", "reconcile", "max_age", "current", "complete"),
    [
        (900, 86_400, 0, 3_600, 172_800),
        (900, 86_400, 500, 500, 172_800),
        (900, 0, 0, 3_600, 3_600),
        (0, 86_400, 0, None, None),
        (0, 86_400, 500, 500, 172_800),
    ],
)
def test_the_limits(
    interval: float, reconcile: float, max_age: float, current: float | None, complete: float | None
) -> None:
    limits = Limits.of(interval=interval, reconcile=reconcile, max_age=max_age)
    assert (limits.current_seconds, limits.complete_seconds) == (current, complete)


@pytest.mark.parametrize(
    ("daemon", "check", "where"),
    [
        (
            DaemonState(silent={"coordinator": SILENT_SECONDS + 1}),
            Check.ACTOR_SILENT,
            "coordinator",
        ),
        (DaemonState(silent={"logger": LOGGER_SILENT_SECONDS + 1}), Check.ACTOR_SILENT, "logger"),
        (
            DaemonState(
                missing={"scheduler": "no threads"}, silent={"scheduler": SILENT_SECONDS + 1}
            ),
            Check.ACTOR_MISSING,
            "scheduler",
        ),
        (DaemonState(trouble="the disk is full"), Check.JOURNAL_STUCK, "the database"),
        (DaemonState(breaker_open_seconds=BREAKER_SECONDS + 1), Check.BREAKER_OPEN, "the remote"),
        (DaemonState(gave_up="too many restarts"), Check.GAVE_UP, "the daemon"),
        (
            DaemonState(quiet=[Quiet(role="worker-3", task="tests of product 18", seconds=9_999)]),
            Check.WORKER_QUIET,
            "worker-3",
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Check) else None,
)
def test_what_is_broken(daemon: DaemonState, check: Check, where: str) -> None:
    (reason,) = judged(daemon=daemon).reasons
    assert (reason.check, reason.where) == (check, where)
    assert reason.message
    assert reason.advice


@pytest.mark.parametrize(
    "daemon",
    [
        DaemonState(
            silent={"coordinator": SILENT_SECONDS - 1, "logger": LOGGER_SILENT_SECONDS - 1}
        ),
        DaemonState(breaker_open_seconds=BREAKER_SECONDS - 1),
        DaemonState(quiet=[Quiet(role="worker-1", task="", seconds=1_700)]),
    ],
    ids=["silent", "breaker", "quiet"],
)
def test_a_moment_is_no_reason(daemon: DaemonState) -> None:
    verdict = judged(daemon=daemon)
    assert verdict == HealthVerdict(reasons=(), warnings=())


def test_a_pause_and_a_crowded_mailbox_are_warnings() -> None:
    verdict = judged(daemon=DaemonState(paused_seconds=7_200, mailboxes={"coordinator": CROWDED}))
    assert verdict.healthy
    assert checks(verdict.warnings) == [Check.PAUSED, Check.MAILBOX_CROWDED]
    assert "2 h" in verdict.warnings[0].message


def test_a_worker_that_is_missing_is_a_warning() -> None:
    verdict = judged(daemon=DaemonState(missing={"worker-3": "no threads"}))
    assert verdict.healthy
    assert [(each.check, each.where) for each in verdict.warnings] == [
        (Check.ACTOR_MISSING, "worker-3")
    ]
    assert "no threads" in verdict.warnings[0].message


def test_without_a_daemon_nothing_is_healthy_and_the_absence_comes_first() -> None:
    absence = Finding(check=Check.NO_DAEMON, where="the daemon", message="none", advice="start")
    facts = Facts(now=NOW, daemon=None, listings=[listing(9_999, 0)], absence=absence)
    assert checks(judge(facts, LIMITS).reasons) == [Check.NO_DAEMON, Check.STALE]


@given(st.floats(0, 1e9))
def test_a_length_of_time_is_said_in_two_units(seconds: float) -> None:
    words = spoken(seconds).split()
    assert len(words) in (2, 4)
    size = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
    said = sum(int(n) * size[unit] for n, unit in zip(words[::2], words[1::2], strict=True))
    below = 3_600 if words[1] == "d" else 60 if words[1] == "h" else 1
    assert 0 <= seconds - said < below
