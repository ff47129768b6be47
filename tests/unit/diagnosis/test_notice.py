"""The words and the fields of a notification."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from rules.diagnosis.catalogue import CATALOGUE
from rules.diagnosis.codes import Code
from rules.diagnosis.entries import LOOK
from rules.diagnosis.notice import (
    CODES,
    PRODUCTS,
    Notice,
    Sender,
    harmless_line,
    notice_of,
    trial_notice,
)
from rules.diagnosis.notifying import Decision, Event, RunEnd
from rules.model import ErrorKind, Problem, RunStatus, SyncPhase, SyncResult, Trigger

BERLIN = timezone(timedelta(hours=2))
AT = datetime(2026, 3, 1, 10, 30, tzinfo=BERLIN)
SENDER = Sender(host="box", database="/d/testio.db", pid=12, version="0.1")
WHO = "testio-sync on box (/d/testio.db)"
NEWS = Decision(event=None, after=None, since=AT - timedelta(hours=2), suppressed=3)


def problem(
    product: int | None, message: str = "late", kind: ErrorKind = ErrorKind.TIMEOUT
) -> Problem:
    phase = None if product is None else SyncPhase.FEATURES
    return Problem(kind=kind, message=message, phase=phase, product_id=product)


def told(
    event: Event,
    *problems: Problem,
    status: RunStatus | None = RunStatus.PARTIAL,
    decision: Decision = NEWS,
    reason: str = "",
) -> Notice:
    run_end = RunEnd(at=AT, status=status, problems=problems)
    result = None
    if status is not None:
        result = SyncResult(
            run_id=7,
            status=status,
            trigger_source=Trigger.SCHEDULE,
            duration_seconds=1.23456,
            products_synced=4,
            products_failed=2,
        )
    return notice_of(decision, event, run_end, result, SENDER, reason=reason)


def test_a_partial_run_with_one_problem() -> None:
    notice = told(Event.RUN_PARTIAL, problem(18))
    advice = f"What to do: {CATALOGUE[Code.TIMEOUT].action}."
    assert notice.as_json() == {
        "event": "run_partial",
        "text": f"{WHO}: run 7 is partial: product 18, features: late. {advice}",
        "advice": advice,
        "at": "2026-03-01T08:30:00Z",
        "host": "box",
        "database": "/d/testio.db",
        "pid": 12,
        "version": "0.1",
        "since": "2026-03-01T06:30:00Z",
        "kept_back": 3,
        "run_id": 7,
        "status": "partial",
        "trigger_source": "schedule",
        "duration_seconds": 1.235,
        "products_synced": 4,
        "products_failed": 2,
        "products": [18],
        "problems": [{"kind": "timeout", "message": "late", "phase": "features", "product_id": 18}],
        "problems_total": 1,
    }


def test_a_failed_run_names_the_first_problem_and_counts_the_others() -> None:
    first = problem(None, "the token is refused", ErrorKind.UNAUTHORIZED)
    notice = told(Event.RUN_FAILED, first, problem(2), problem(1), status=RunStatus.FAILED)
    said = f"{WHO}: run 7 failed: the token is refused, and 2 more."
    assert notice.text == f"{said} {notice.advice}"
    assert notice.advice == f"What to do: {CATALOGUE[Code.UNAUTHORIZED].action_with()}."
    assert notice.problems[0]["phase"] is None
    assert (notice.products, notice.problems_total) == ([1, 2], 3)


def test_a_run_that_failed_for_no_named_problem_says_where_to_look() -> None:
    notice = told(Event.RUN_FAILED, status=RunStatus.FAILED)
    assert notice.text == f"{WHO}: run 7 failed. What to do: {LOOK}."


def test_what_is_told_again_says_how_long_and_how_often_it_was_not() -> None:
    again = Decision(event=None, after=None, since=NEWS.since, suppressed=3, again=True)
    assert told(Event.RUN_PARTIAL, decision=again).text == (
        f"{WHO}: run 7 is partial. It has been so for 2 h; 3 times it was not told. "
        f"What to do: {LOOK}."
    )


def test_a_recovery_says_how_long_it_was_bad() -> None:
    notice = told(Event.RECOVERED, status=RunStatus.SUCCESS)
    assert notice.text == (f"{WHO}: run 7 succeeded; all is well again after 2 h. Nothing to do.")


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Event.GAVE_UP, "the daemon gives up"),
        (Event.CANNOT_WRITE, "the daemon cannot write to its database"),
        (Event.RUN_INTERRUPTED, "a run was killed before its end, and its process with it"),
    ],
)
def test_trouble_without_a_run(event: Event, said: str) -> None:
    first = Decision(event=event, after=None)
    notice = told(event, status=None, decision=first, reason="why")
    advice = f"What to do: {CATALOGUE[CODES[event]].action_with()}."
    assert notice.text == f"{WHO}: {said}: why. {advice}"
    assert told(event, status=None).text == f"{WHO}: {said}. {advice}"
    assert (notice.run_id, notice.status, notice.since) == (None, None, None)


def test_lists_are_cut_to_a_readable_length_but_counted_in_full() -> None:
    notice = told(Event.RUN_PARTIAL, *(problem(n, "x" * 400) for n in range(1, 70)))
    assert notice.products == list(range(1, PRODUCTS + 1))
    assert [len(notice.problems), notice.problems_total] == [10, 69]
    assert notice.problems[0]["message"] == "x" * 300
    assert "product 1, features: " + "x" * 279 + ", and 68 more" in notice.text


def test_a_line_holds_nothing_that_moves_a_cursor() -> None:
    assert harmless_line("grün\x1b[2J\n") == "grün\\x1b[2J\\n"


def test_a_trial_says_that_it_is_one() -> None:
    notice = trial_notice(SENDER, AT)
    assert notice == Notice(
        event=Event.TEST,
        text="testio-sync on box: this is a test; notifications arrive.",
        advice="nothing to do",
        at="2026-03-01T08:30:00Z",
        host="box",
        database="/d/testio.db",
        pid=12,
        version="0.1",
    )


def test_a_time_is_told_in_utc_wherever_the_daemon_runs(in_tokyo: None) -> None:
    assert told(Event.RUN_PARTIAL).at == "2026-03-01T08:30:00Z"


def test_trouble_without_a_reason_is_told_without_one() -> None:
    run_end = RunEnd(at=AT, status=None, trouble=Event.GAVE_UP)
    notice = notice_of(NEWS, Event.GAVE_UP, run_end, None, SENDER)
    assert notice.text.startswith(f"{WHO}: the daemon gives up. What")


def test_one_problem_more_is_counted() -> None:
    assert "features: late, and 1 more." in told(Event.RUN_PARTIAL, problem(1), problem(2)).text
