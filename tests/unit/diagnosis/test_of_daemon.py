"""What is said of a daemon: whether it is there, and whether its parts are well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rules.diagnosis.codes import Code
from rules.diagnosis.diagnose import UNVOUCHED, health_of
from rules.diagnosis.findings import Severity
from rules.diagnosis.limits import LOGGER_SILENT_SECONDS, QUIET_SECONDS, SILENT_SECONDS
from rules.diagnosis.observations import DaemonState, Presence, Quiet
from rules.diagnosis.of_daemon import before, other_version
from tests.unit.diagnosis.worlds import LIMITS, NOW, codes, found, listing, only, seen

WHO = {"pid": 42, "who": "daemon with pid 42 on here, since noon", "place": "/s", "owner": "ada"}


@pytest.mark.parametrize(
    ("presence", "code", "severity", "words"),
    [
        (Presence.NONE, Code.NO_DAEMON, Severity.INFORMATION, "no daemon runs on this database"),
        (
            Presence.KILLED,
            Code.DAEMON_KILLED,
            Severity.WARNING,
            "the daemon with pid 42 on here, since noon, was killed",
        ),
        (
            Presence.SILENT,
            Code.DAEMON_SILENT,
            Severity.ERROR,
            "the daemon with pid 42 does not answer",
        ),
        (
            Presence.SOCKET_MISSING,
            Code.SOCKET_MISSING,
            Severity.ERROR,
            "the daemon with pid 42 runs, but nobody listens on /s",
        ),
        (
            Presence.OTHER_VERSION,
            Code.OTHER_VERSION,
            Severity.ERROR,
            "the daemon behind /s answers in words of another version",
        ),
        (
            Presence.ELSEWHERE,
            Code.DAEMON_ELSEWHERE,
            Severity.WARNING,
            "taken on another machine, by the daemon with pid 42 on here, since noon",
        ),
        (
            Presence.HIDDEN,
            Code.DAEMON_HIDDEN,
            Severity.WARNING,
            "whether a daemon runs is not known: /s belongs to ada",
        ),
        (
            Presence.STARTING,
            Code.DAEMON_STARTING,
            Severity.INFORMATION,
            "the daemon with pid 42 is starting",
        ),
    ],
)
def test_a_daemon_that_does_not_answer(
    presence: Presence, code: Code, severity: Severity, words: str
) -> None:
    finding = only(seen(listing(), presence=presence, daemon=WHO))
    assert (finding.code, finding.severity, finding.text) == (code, severity, words)
    assert not health_of([finding]).healthy, "nobody vouches for it"
    assert (severity is Severity.ERROR) is (code not in UNVOUCHED)


def test_one_that_answers_and_a_sync_without_one_are_no_trouble() -> None:
    assert found(seen(listing())) == ()
    assert found(seen(listing(), presence=Presence.ONE_SHOT)) == ()


def test_a_silent_daemon_without_a_lock_file_has_no_pid() -> None:
    assert only(seen(presence=Presence.SILENT)).text == "the daemon does not answer"


def test_the_user_who_may_ask_is_named_in_the_action() -> None:
    finding = only(seen(presence=Presence.HIDDEN, daemon=WHO))
    assert finding.action == "ask as that user: sudo -u ada testio-sync health"


def test_another_version_is_a_warning_while_it_is_understood() -> None:
    finding = other_version("1.0.0", "2.0.0")
    assert finding.text == "the daemon runs version 1.0.0, and this program is 2.0.0"
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("state", "code", "subject", "words"),
    [
        (
            DaemonState(silent={"coordinator": SILENT_SECONDS + 1}, mailboxes={"coordinator": 5}),
            Code.ACTOR_SILENT,
            "coordinator",
            "the coordinator has not answered for 11 s: 5 messages wait for it",
        ),
        (
            DaemonState(silent={"logger": LOGGER_SILENT_SECONDS + 1}),
            Code.ACTOR_SILENT,
            "logger",
            "the logger has not answered for 2 min 1 s",
        ),
        (
            DaemonState(missing={"scheduler": "no threads"}, silent={"scheduler": 99.0}),
            Code.ACTOR_MISSING,
            "scheduler",
            "there is no scheduler: no threads",
        ),
        (
            DaemonState(gave_up="so often"),
            Code.GAVE_UP,
            "the daemon",
            "the daemon gives up: so often",
        ),
        (
            DaemonState(quiet=[Quiet(role="worker-3", task="tests of product 18", seconds=9_999)]),
            Code.WORKER_QUIET,
            "worker-3",
            "the worker-3 has stored nothing of the tests of product 18 for 2 h 46 min",
        ),
        (
            DaemonState(run_quiet=LIMITS.run_quiet_seconds + 1),
            Code.RUN_STUCK,
            "the daemon",
            "nothing of the run at work has moved for 11 min 31 s",
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Code) else None,
)
def test_what_is_broken(state: DaemonState, code: Code, subject: str, words: str) -> None:
    finding = only(seen(state=state))
    assert (finding.code, finding.subject, finding.said(NOW)) == (code, subject, words)
    assert finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        (DaemonState(paused_seconds=7_200), Code.PAUSED, "periodic runs have been paused for 2 h"),
        (DaemonState(paused_seconds=0), Code.PAUSED, "periodic runs have been paused for 0 s"),
        (
            DaemonState(mailboxes={"logger": LIMITS.crowded}),
            Code.MAILBOX_CROWDED,
            "1,000 messages wait for the logger",
        ),
        (
            DaemonState(missing={"worker-3": "no threads"}),
            Code.ACTOR_MISSING,
            "there is no worker-3: no threads",
        ),
        (
            DaemonState(metrics_flaw=("127.0.0.1:9", "in use")),
            Code.METRICS_NOT_SERVED,
            "the page of metrics is not served on 127.0.0.1:9: in use",
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Code) else None,
)
def test_what_is_only_a_warning(state: DaemonState, code: Code, words: str) -> None:
    finding = only(seen(state=state))
    assert (finding.code, finding.said(NOW)) == (code, words)
    assert finding.severity is Severity.WARNING
    assert health_of([finding]).healthy


@pytest.mark.parametrize(
    "state",
    [
        DaemonState(silent={"coordinator": SILENT_SECONDS, "logger": LOGGER_SILENT_SECONDS}),
        DaemonState(quiet=[Quiet(role="worker-1", task="", seconds=QUIET_SECONDS)]),
        DaemonState(run_quiet=LIMITS.run_quiet_seconds),
        DaemonState(mailboxes={"logger": LIMITS.crowded - 1}),
        DaemonState(breaker_open_seconds=LIMITS.breaker_seconds),
    ],
    ids=["silent", "quiet", "run", "crowded", "breaker"],
)
def test_just_at_its_limit_nothing_is_wrong(state: DaemonState) -> None:
    assert found(seen(state=state)) == ()


def test_a_run_does_not_hang_while_nothing_can_be_written() -> None:
    state = DaemonState(run_quiet=1e6, trouble="the disk is full")
    assert codes(seen(state=state)) == [Code.JOURNAL_STUCK]


def test_the_address_of_the_metrics_is_named_in_the_action() -> None:
    finding = only(seen(state=DaemonState(metrics_flaw=("127.0.0.1:9", "in use"))))
    assert finding.action.startswith("end the program that has 127.0.0.1:9, or change")


def test_a_worker_may_be_quiet_for_longer_where_requests_take_longer() -> None:
    quiet = Quiet(role="worker-1", task="", seconds=QUIET_SECONDS + 100)
    state = DaemonState(quiet=[quiet])
    assert found(seen(state=state)) == (), "four times the time of a request"
    assert codes(seen(state=state), replace(LIMITS, quiet_seconds=QUIET_SECONDS)) == [
        Code.WORKER_QUIET
    ]


def test_a_time_out_of_reach_is_the_earliest() -> None:
    assert before(NOW, 1e15) == datetime.min.replace(tzinfo=UTC)
    assert before(NOW, float("1e11")) == datetime.min.replace(tzinfo=UTC)
    assert before(NOW, 60) == datetime(2026, 3, 1, 7, 59, tzinfo=UTC)
