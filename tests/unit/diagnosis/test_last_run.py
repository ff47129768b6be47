"""What the last run says of health: a reason where only a person can help, else a warning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.diagnosis.health import Check, DaemonState, Facts, HealthVerdict, Limits, judge
from rules.diagnosis.last_run import LastRun
from rules.model import ErrorKind, RunStatus

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LIMITS = Limits.of(interval=900, reconcile=86_400, max_age=0)


def judged(status: RunStatus, **problems: int) -> HealthVerdict:
    run = LastRun(run_id=7, status=status, ended_at=NOW - timedelta(seconds=90), problems=problems)
    return judge(Facts(now=NOW, daemon=DaemonState(), last_run=run), LIMITS)


@pytest.mark.parametrize("kind", ["unauthorized", "wrong_account"])
def test_what_no_later_run_gets_over_is_a_reason_at_once(kind: str) -> None:
    verdict = judged(RunStatus.FAILED, **{kind: 1, "timeout": 3})
    (reason,) = verdict.reasons
    assert (reason.check, reason.where, reason.seconds) == (Check.LAST_RUN, "run 7", 90)
    assert "token" in reason.message
    assert "testio-sync" in reason.advice
    assert verdict.warnings == ()


def test_a_remote_that_is_down_is_a_warning_with_cause_and_advice() -> None:
    verdict = judged(RunStatus.PARTIAL, connection_failed=41)
    assert verdict.healthy
    (warning,) = verdict.warnings
    assert warning.message == (
        "run 7 came out partial: the remote could not be reached (41 problems)"
    )
    assert "TESTIO_PROXY_URL" in warning.advice
    assert "runs show 7" in warning.advice


def test_a_run_whose_process_was_killed_is_a_warning_without_problems() -> None:
    (warning,) = judged(RunStatus.INTERRUPTED).warnings
    assert "run 7 was interrupted: its process was killed" in warning.message


@given(st.sampled_from(RunStatus), st.dictionaries(st.sampled_from(ErrorKind), st.integers(1, 99)))
def test_one_finding_at_most_and_none_of_what_went_well(
    status: RunStatus, problems: dict[ErrorKind, int]
) -> None:
    verdict = judged(status, **{kind.value: count for kind, count in problems.items()})
    told = status in (RunStatus.FAILED, RunStatus.PARTIAL, RunStatus.INTERRUPTED)
    assert len(verdict.reasons) + len(verdict.warnings) == told


def test_a_type_that_is_not_known_here_still_says_where_to_look() -> None:
    (warning,) = judged(RunStatus.FAILED, of_a_newer_version=1).warnings
    assert warning.message == "run 7 failed"
    assert "testio-sync status" in warning.advice


def test_two_problems_are_counted_and_one_is_not() -> None:
    (warning,) = judged(RunStatus.FAILED, timeout=2).warnings
    assert warning.message == "run 7 failed: the remote did not answer in time (2 problems)"
    (warning,) = judged(RunStatus.FAILED, timeout=1).warnings
    assert warning.message == "run 7 failed: the remote did not answer in time"
