"""What a person is told, and what is kept back: changes at once, the same trouble now and then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.diagnosis.notice import LONGEST, PROBLEMS, Sender, notice_of
from rules.diagnosis.notifying import Decision, Event, OpenAlert, RunEnd, decide
from rules.model import ErrorKind, Problem, RunStatus, SyncPhase, SyncResult, SyncScope, Trigger

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
REPEAT = 3_600.0


def problem(product_id: int, kind: ErrorKind = ErrorKind.TIMEOUT, message: str = "x") -> Problem:
    return Problem(kind=kind, message=message, phase=SyncPhase.NEW_TESTS, product_id=product_id)


def ended(minutes: float, status: RunStatus, *products: int, ids: set[int] | None = None) -> RunEnd:
    """A run that ended so many minutes after the start, with trouble in these products."""
    return RunEnd(
        at=START + timedelta(minutes=minutes),
        status=status,
        problems=tuple(problem(each) for each in products),
        scope=SyncScope(product_ids=None if ids is None else frozenset(ids)),
    )


def told_of(*run_ends: RunEnd, told: OpenAlert | None = None) -> list[Decision]:
    """The decision on each, every notification having arrived."""
    decisions = []
    for run_end in run_ends:
        decisions.append(decide(told, run_end, repeat_seconds=REPEAT))
        told = decisions[-1].after
    return decisions


def events(*run_ends: RunEnd) -> list[Event | None]:
    return [decision.event for decision in told_of(*run_ends)]


statuses = st.sampled_from(
    [RunStatus.SUCCESS, RunStatus.PARTIAL, RunStatus.FAILED, RunStatus.CANCELLED]
)
lives = st.lists(st.tuples(statuses, st.integers(1, 3), st.integers(1, 100)), max_size=30)


@given(lives)
def test_a_life_of_runs(life: list[tuple[RunStatus, int, int]]) -> None:
    """Against a model in plain words: what was told last, when, and whether trouble is open."""
    minutes, open_trouble, told_at, kept = 0, None, 0, 0
    told: OpenAlert | None = None
    for status, product, pause in life:
        minutes += pause
        decision = decide(told, ended(minutes, status, product), repeat_seconds=REPEAT)
        told = decision.after
        trouble = (status, product) if status in (RunStatus.PARTIAL, RunStatus.FAILED) else None
        if trouble is not None:
            is_news = trouble != open_trouble
            is_told = is_news or minutes - told_at >= REPEAT / 60
            assert (decision.event is not None) is is_told
            assert decision.suppressed == (kept if is_told and not is_news else 0)
            kept = 0 if is_told else kept + 1
            open_trouble, told_at = trouble, minutes if is_told else told_at
        elif status is RunStatus.SUCCESS:
            assert decision.event is (Event.RECOVERED if open_trouble else None)
            open_trouble, kept = None, 0
        else:
            assert decision.event is None, "a cancelled run tells nothing of the account"
        assert (told is None) is (open_trouble is None)


def test_the_same_trouble_is_told_again_with_how_often_it_was_kept_back() -> None:
    partial = [ended(15 * n, RunStatus.PARTIAL, 18) for n in range(6)]
    decisions = told_of(*partial)
    assert [d.event is not None for d in decisions] == [True, False, False, False, True, False]
    assert (decisions[4].suppressed, decisions[4].again) == (3, True)
    assert decisions[4].since == START


def test_another_set_of_problems_is_told_at_once_and_the_trouble_keeps_its_age() -> None:
    first, second, over = told_of(
        ended(0, RunStatus.PARTIAL, 18),
        ended(1, RunStatus.PARTIAL, 18, 42),
        ended(2, RunStatus.SUCCESS),
    )
    assert (first.event, second.event, over.event) == (
        Event.RUN_PARTIAL,
        Event.RUN_PARTIAL,
        Event.RECOVERED,
    )
    assert (second.since, over.since) == (START, START)


def test_the_order_and_the_words_of_problems_make_no_difference() -> None:
    one = RunEnd(at=START, status=RunStatus.PARTIAL, problems=(problem(1, message="a"), problem(2)))
    other = RunEnd(
        at=START, status=RunStatus.PARTIAL, problems=(problem(2, message="b"), problem(1))
    )
    assert one.fingerprint == other.fingerprint
    worse = RunEnd(at=START, status=RunStatus.FAILED, problems=other.problems)
    assert worse.fingerprint != other.fingerprint


def test_a_success_vouches_for_nothing_that_it_was_not_asked_for() -> None:
    partial = ended(0, RunStatus.PARTIAL, 18)
    narrow = ended(1, RunStatus.SUCCESS, ids={42})
    assert events(partial, narrow, ended(2, RunStatus.SUCCESS)) == [
        Event.RUN_PARTIAL,
        None,
        Event.RECOVERED,
    ]
    short = RunEnd(at=START, status=RunStatus.SUCCESS, phases=frozenset({SyncPhase.PRODUCTS}))
    assert events(partial, short)[1] is None


def test_the_daemons_own_run_ends_any_trouble() -> None:
    """Somebody asked for a product that TESTIO_PRODUCT_IDS leaves out."""
    periodic = RunEnd(
        at=START + timedelta(minutes=1),
        status=RunStatus.SUCCESS,
        scope=SyncScope(product_ids=frozenset({18})),
        periodic=True,
    )
    assert events(ended(0, RunStatus.FAILED, 99, ids={99}), periodic)[1] is Event.RECOVERED


def test_giving_up_is_told_and_ends_with_a_success() -> None:
    gave_up = RunEnd(at=START, status=None, trouble=Event.GAVE_UP)
    assert events(gave_up, gave_up, ended(5, RunStatus.SUCCESS)) == [
        Event.GAVE_UP,
        None,
        Event.RECOVERED,
    ]


def test_a_time_in_the_future_does_not_keep_anything_back() -> None:
    (first,) = told_of(ended(600, RunStatus.FAILED, 1))
    assert decide(first.after, ended(0, RunStatus.FAILED, 1), repeat_seconds=REPEAT).event


@given(lives, st.sets(st.integers(1, 9)))
def test_what_was_told_survives_being_written_down(
    life: list[tuple[RunStatus, int, float]], ids: set[int]
) -> None:
    decisions = told_of(*[ended(n, s, p, ids=ids or None) for n, (s, p, _) in enumerate(life)])
    for told in (decision.after for decision in decisions):
        assert told is None or OpenAlert.of_json(told.as_json()) == told


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"event": "x"}', "null"])
def test_what_is_not_ours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not what was told"):
        OpenAlert.of_json(text)


SENDER = Sender(host="h", database="/d/testio.db", pid=1, version="0")


def test_a_notice_is_bounded_and_on_one_line_whatever_the_remote_says() -> None:
    message = "\x1b[2J\r\n" + "x" * 10_000
    run_end = RunEnd(
        at=START,
        status=RunStatus.PARTIAL,
        problems=tuple(problem(n, message=message) for n in range(1, 500)),
    )
    decision = decide(None, run_end, repeat_seconds=REPEAT)
    result = SyncResult(run_id=7, status=RunStatus.PARTIAL, trigger_source=Trigger.SCHEDULE)
    assert decision.event is not None
    notice = notice_of(decision, decision.event, run_end, result, SENDER)
    assert notice.text.isprintable()
    assert "run 7 is partial: product 1" in notice.text
    assert "498 more" in notice.text
    assert (len(notice.problems), notice.problems_total) == (PROBLEMS, 499)
    assert all(len(each["message"]) <= LONGEST for each in notice.problems)
    assert len(str(notice.as_json())) < 10_000


def test_trouble_of_more_is_over_only_with_a_success_of_all_of_it() -> None:
    features = RunEnd(
        at=START,
        status=RunStatus.PARTIAL,
        phases=frozenset({SyncPhase.FEATURES}),
        scope=SyncScope(product_ids=frozenset({1})),
    )
    tests = RunEnd(
        at=START,
        status=RunStatus.FAILED,
        phases=frozenset({SyncPhase.NEW_TESTS}),
        scope=SyncScope(product_ids=frozenset({2})),
    )
    told = told_of(features, tests)[1].after
    assert told is not None
    assert told.phases == {SyncPhase.FEATURES, SyncPhase.NEW_TESTS}
    assert told.scope == SyncScope(product_ids=frozenset({1, 2}))


def test_a_recovery_says_how_often_the_trouble_was_kept_back() -> None:
    partial = ended(0, RunStatus.PARTIAL, 18)
    *_, over = told_of(partial, partial, partial, ended(1, RunStatus.SUCCESS))
    assert over == Decision(event=Event.RECOVERED, after=None, since=START, suppressed=2)


def test_what_is_neither_a_run_nor_trouble_is_nothing() -> None:
    assert RunEnd(at=START, status=None).event is None


def test_a_likeness_stays_the_same_over_versions() -> None:
    """It is kept beside the mirror: another one would tell everything anew after an upgrade."""
    whole = RunEnd(
        at=START,
        status=RunStatus.FAILED,
        problems=(problem(18), Problem(kind=ErrorKind.UNAUTHORIZED, message="401")),
    )
    assert whole.fingerprint == "b744b946bf903c7a"
    other = Problem(kind=ErrorKind.TIMEOUT, message="x", phase=SyncPhase.FEATURES, product_id=18)
    elsewhere = RunEnd(at=START, status=RunStatus.FAILED, problems=(other,))
    assert elsewhere.fingerprint != ended(0, RunStatus.FAILED, 18).fingerprint


def test_what_is_refused_is_shown_in_part() -> None:
    with pytest.raises(ValueError, match=f"^not what was told: {'x' * 80}$"):
        OpenAlert.of_json("x" * 81)
