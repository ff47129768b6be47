"""What `health` says of each thing, word for word, and at which bound it begins to say it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rules.diagnosis.health import (
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
from rules.diagnosis.last_run import LastRun
from rules.model import Kind, RunStatus

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LIMITS = Limits(current_seconds=100.0, complete_seconds=1_000.0)
LOOK = (
    "`testio-sync status` and `testio-sync problems list` say what fails; "
    "`testio-sync sync` tries it now"
)
RESTART = "restart the daemon (`testio-sync stop`, `testio-sync run`); its log may say why"


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


FRESH = ListingFacts(
    product_id=18,
    kind=Kind.TESTS,
    complete_as_of=ago(0),
    current_as_of=ago(0),
    known_since=ago(5_000),
)


def of_living(daemon: DaemonState, limits: Limits = LIMITS) -> HealthVerdict:
    return judge(Facts(now=NOW, daemon=daemon), limits)


def reasons(*listings: ListingFacts, limits: Limits = LIMITS) -> list[Finding]:
    return list(judge(Facts(now=NOW, daemon=None, listings=listings), limits).reasons)


@pytest.mark.parametrize(
    ("daemon", "said"),
    [
        (
            DaemonState(gave_up="too many restarts"),
            Finding(
                check=Check.GAVE_UP,
                where="the daemon",
                message="it gives up: too many restarts",
                advice="read its log; start it again with `testio-sync run`",
            ),
        ),
        (
            DaemonState(silent={"scheduler": 10.5}, mailboxes={"scheduler": 3}),
            Finding(
                check=Check.ACTOR_SILENT,
                where="scheduler",
                seconds=10.5,
                message="the scheduler has not answered for 10 s; 3 messages wait for it",
                advice=RESTART,
            ),
        ),
        (
            DaemonState(silent={"logger": 121.0}),
            Finding(
                check=Check.ACTOR_SILENT,
                where="logger",
                seconds=121.0,
                message="the logger has not answered for 2 min 1 s; 0 messages wait for it",
                advice=RESTART,
            ),
        ),
        (
            DaemonState(trouble="disk full", trouble_seconds=7.0),
            Finding(
                check=Check.JOURNAL_STUCK,
                where="the database",
                seconds=7.0,
                message="what happens cannot be written: disk full",
                advice="make room on the disk, or end the program that locks the database; "
                "nothing is lost meanwhile",
            ),
        ),
        (
            DaemonState(quiet=[Quiet(role="worker-1", task="tests of 18", seconds=1_801.0)]),
            Finding(
                check=Check.WORKER_QUIET,
                where="worker-1",
                seconds=1_801.0,
                message="worker-1 has stored nothing of tests of 18 for 30 min 1 s",
                advice="`testio-sync cancel` ends the run; `testio-sync stop` the daemon",
            ),
        ),
        (
            DaemonState(breaker_open_seconds=61.0, last_failure="500"),
            Finding(
                check=Check.BREAKER_OPEN,
                where="the remote",
                seconds=61.0,
                message="all of it fails: 500",
                advice="nothing to do here: each run tries it again; look whether the network, "
                "the proxy or the API is down",
            ),
        ),
    ],
    ids=lambda value: value.check.value if isinstance(value, Finding) else "",
)
def test_what_is_broken(daemon: DaemonState, said: Finding) -> None:
    assert of_living(daemon) == HealthVerdict(reasons=(said,), warnings=())


def test_just_at_its_bound_nothing_is_broken() -> None:
    daemon = DaemonState(
        silent={"scheduler": 10.0, "logger": 120.0},
        quiet=[Quiet(role="worker-1", task="", seconds=1_800.0)],
        breaker_open_seconds=60.0,
        mailboxes={"logger": 999},
    )
    assert of_living(daemon) == HealthVerdict(reasons=(), warnings=())


def test_what_is_worth_a_warning() -> None:
    assert of_living(DaemonState(paused_seconds=0.0, mailboxes={"logger": 1_000})) == HealthVerdict(
        reasons=(),
        warnings=(
            Finding(
                check=Check.PAUSED,
                where="the schedule",
                seconds=0.0,
                message="periodic runs have been paused for 0 s",
                advice="`testio-sync resume` starts them again",
            ),
            Finding(
                check=Check.MAILBOX_CROWDED,
                where="logger",
                message="1000 messages wait for the logger",
                advice="look again in a minute; if they grow, restart the daemon",
            ),
        ),
    )


def test_a_worker_may_be_quiet_for_as_long_as_its_requests_may_take() -> None:
    limits = Limits.of(interval=900, reconcile=86_400, max_age=0, request_timeout=10.0)
    assert limits.quiet_seconds == 1_840.0
    assert Limits.of(interval=900, reconcile=86_400, max_age=0).quiet_seconds == 1_800.0
    quiet = [Quiet(role="worker-1", task="", seconds=1_839.0)]
    assert of_living(DaemonState(quiet=quiet), limits).healthy


def test_a_database_that_cannot_be_read() -> None:
    facts = Facts(now=NOW, daemon=None, database_error="it is locked")
    assert judge(facts, LIMITS).reasons == (
        Finding(
            check=Check.DATABASE,
            where="the database",
            message="it is locked",
            advice="if it is locked, end the program that holds it; if it is damaged, "
            "`testio-sync rebuild`",
        ),
    )


def a_run(status: RunStatus, problem: str, ended: float = 30.0) -> LastRun:
    return LastRun(run_id=7, status=status, ended_at=ago(ended), problems={problem: 1})


def test_a_last_run_is_a_reason_only_where_no_later_one_gets_over_it() -> None:
    def judged(run: LastRun) -> HealthVerdict:
        return judge(Facts(now=NOW, daemon=None, last_run=run), LIMITS)

    grave = a_run(RunStatus.FAILED, "unauthorized")
    said = Finding(
        check=Check.LAST_RUN,
        where="run 7",
        seconds=30.0,
        message=grave.message,
        advice=grave.action,
    )
    assert judged(grave) == HealthVerdict(reasons=(said,), warnings=())
    light = judged(a_run(RunStatus.PARTIAL, "timeout", ended=-30.0))
    assert [warning.check for warning in light.warnings] == [Check.LAST_RUN]
    assert (light.healthy, light.warnings[0].seconds) == (True, 0.0)
    assert judged(a_run(RunStatus.SUCCESS, "timeout")) == HealthVerdict(reasons=(), warnings=())


@pytest.mark.parametrize(
    ("listing", "check", "said", "seconds"),
    [
        (
            replace(FRESH, current_as_of=None, complete_as_of=ago(1), known_since=ago(101)),
            Check.NEVER_FETCHED,
            "not fetched at all for 1 min 41 s",
            101.0,
        ),
        (replace(FRESH, current_as_of=ago(101)), Check.STALE, "not refreshed for 1 min 41 s", 101),
        (
            replace(FRESH, complete_as_of=ago(1_001)),
            Check.INCOMPLETE,
            "not read completely for 16 min 41 s",
            1_001.0,
        ),
        (
            replace(FRESH, complete_as_of=None),
            Check.INCOMPLETE,
            "not read completely for 1 h 23 min",
            5_000.0,
        ),
    ],
)
def test_a_list_that_is_too_old(
    listing: ListingFacts, check: Check, said: str, seconds: float
) -> None:
    assert reasons(listing) == [
        Finding(
            check=check,
            where="tests of product 18",
            seconds=seconds,
            message=f"tests of product 18: {said}",
            advice=LOOK,
        )
    ]


def test_just_at_its_limit_a_list_is_not_too_old() -> None:
    young = replace(FRESH, current_as_of=None, complete_as_of=None, known_since=ago(100))
    assert reasons(young) == []
    assert reasons(replace(FRESH, current_as_of=ago(100), complete_as_of=ago(1_000))) == []


def test_without_a_limit_nothing_is_too_old() -> None:
    old = replace(FRESH, current_as_of=ago(9e8), complete_as_of=ago(9e8))
    assert reasons(old, limits=Limits(current_seconds=None, complete_seconds=None)) == []


def test_records_that_cannot_be_read_are_told_of_as_such() -> None:
    held_up = replace(FRESH, complete_as_of=ago(1_001), unusable=1)
    verdict = judge(Facts(now=NOW, daemon=None, listings=[held_up]), LIMITS)
    assert verdict == HealthVerdict(
        reasons=(),
        warnings=(
            Finding(
                check=Check.UNREADABLE_RECORDS,
                where="tests of product 18",
                seconds=1_001.0,
                message="tests of product 18: not complete, because of records that cannot be "
                "read, for 16 min 41 s",
                advice="`testio-sync problems list` names them; all others are up to date",
            ),
        ),
    )
    never = replace(held_up, current_as_of=None)
    facts = Facts(now=NOW, daemon=None, listings=[never])
    assert judge(facts, LIMITS).warnings == (), "never fetched is worse, and told of as that"


def test_each_kind_has_a_line_with_its_oldest_list_first_and_the_number_of_others() -> None:
    old = [
        replace(FRESH, product_id=1, current_as_of=ago(200)),
        replace(FRESH, product_id=0, kind=Kind.PRODUCTS, current_as_of=ago(300)),
        replace(FRESH, product_id=2, kind=Kind.FEATURES, current_as_of=ago(200)),
        replace(FRESH, product_id=5, current_as_of=ago(400)),
        replace(FRESH, product_id=4, current_as_of=ago(400)),
    ]
    assert [finding.where for finding in reasons(*old)] == [
        "features of product 2",
        "the product list",
        "tests of product 4 and 2 more",
    ]


@pytest.mark.parametrize(("ahead", "known"), [(299.0, True), (300.0, False), (301.0, False)])
def test_a_time_in_the_future_is_believed_for_five_minutes(ahead: float, known: bool) -> None:
    found = reasons(replace(FRESH, current_as_of=ago(-ahead)))
    assert (found == []) is known
    if not known:
        assert found[0].seconds is None
        assert found[0].message == (
            "tests of product 18: not refreshed for an unknown time "
            "(it was read in the future, by a clock that was wrong)"
        )
