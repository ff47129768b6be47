"""What the facts of a check come to: level, what to do, and what has to be mended first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.diagnosis.doctor import (
    MEGABYTE,
    FileFacts,
    RemoteFacts,
    SpaceFacts,
    judge_clock,
    judge_file,
    judge_newest_run,
    judge_python,
    judge_remote,
    judge_space,
    judge_sqlite,
)
from rules.diagnosis.doctor_storage import (
    DaemonFacts,
    DatabaseFacts,
    LockFacts,
    judge_daemon,
    judge_database,
    judge_lock,
)
from rules.diagnosis.findings import Area, Finding, Level, count, first_at_fault
from rules.model import ErrorKind
from service.checkup.doctor import exit_status
from service.exit_status import ExitStatus

OK, WARNING, ERROR = Level.OK, Level.WARNING, Level.ERROR
NOW = datetime(2026, 1, 31, tzinfo=UTC)


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def a_finding(level: Level, area: Area = Area.OTHER) -> Finding:
    return Finding(level=level, subject="x", message="y", area=area)


findings = st.lists(st.builds(a_finding, st.sampled_from(Level), st.sampled_from(Area)))


@given(findings, st.booleans())
def test_the_status_is_zero_exactly_if_nothing_is_wrong_that_counts(
    found: list[Finding], deny_warnings: bool
) -> None:
    status = exit_status(found, deny_warnings=deny_warnings)
    errors, warnings = count(found, ERROR), count(found, WARNING)
    assert (status is ExitStatus.DONE) == (not errors and not (deny_warnings and warnings))
    assert (status is ExitStatus.PARTIAL) == (not errors and deny_warnings and warnings > 0)
    assert (first_at_fault(found) is None) == (errors == 0)


def test_what_has_to_be_mended_first_names_the_status() -> None:
    areas = [Area.OTHER, Area.DATABASE, Area.CREDENTIALS, Area.CONFIGURATION]
    found = [a_finding(WARNING, Area.CONFIGURATION)]
    statuses = []
    for area in areas:
        found.append(a_finding(ERROR, area))
        statuses.append(int(exit_status(found, deny_warnings=True)))
    assert statuses == [1, 6, 5, 2]


@given(findings, findings)
def test_one_more_finding_never_makes_it_better(found: list[Finding], more: list[Finding]) -> None:
    if first_at_fault(found) is not None:
        assert first_at_fault([*found, *more]) is not None


@pytest.mark.parametrize(
    ("ahead", "level"),
    [(0, OK), (60, OK), (-60, OK), (61, WARNING), (-600, WARNING), (601, ERROR), (-1e6, ERROR)],
)
def test_clocks_that_differ(ahead: float, level: Level) -> None:
    (finding,) = judge_clock(ahead)
    assert finding.level is level
    if level is not OK:
        assert ("behind" if ahead > 0 else "ahead of") in finding.message


def test_a_remote_that_does_not_tell_the_time_is_no_finding() -> None:
    assert judge_clock(None) == []


def test_a_run_of_the_future_is_noticed() -> None:
    assert judge_newest_run(None, NOW) == []
    assert judge_newest_run(NOW - timedelta(days=9), NOW) == []
    assert judge_newest_run(NOW + timedelta(seconds=59), NOW) == [], "clocks are slewed"
    assert levels(judge_newest_run(NOW + timedelta(hours=1), NOW)) == [WARNING]


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ((3, 6, 23), OK),
        ((3, 7, 0), WARNING),
        ((3, 40, 1), WARNING),
        ((3, 44, 5), WARNING),
        ((3, 44, 6), OK),
        ((3, 45, 0), WARNING),
        ((3, 50, 7), OK),
        ((3, 51, 2), WARNING),
        ((3, 51, 3), OK),
        ((4, 0, 0), OK),
    ],
)
def test_the_sqlite_versions_with_the_wal_reset_bug(version: tuple[int, ...], level: Level) -> None:
    assert judge_sqlite(version).level is level


@pytest.mark.parametrize(
    ("version", "level"),
    [((3, 10, 9), ERROR), ((3, 11, 0), OK), ((3, 15, 0), OK), ((3, 16, 0), WARNING)],
)
def test_python_versions(version: tuple[int, ...], level: Level) -> None:
    assert judge_python(version).level is level


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_failure_of_the_remote_says_what_to_do(kind: ErrorKind) -> None:
    finding = judge_remote(RemoteFacts(failure=kind, message="so it said"))
    refused = kind in (ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN)
    assert finding.level is ERROR
    assert finding.remedy
    assert finding.area is (Area.CREDENTIALS if refused else Area.OTHER)


def test_a_remote_that_answers_is_all_right() -> None:
    assert "sees 1 product" in judge_remote(RemoteFacts(products=1)).message
    assert "sees 0 products" in judge_remote(RemoteFacts(products=0)).message


def file(mode: int, allowed: int = 0o600, owner: int = 7) -> FileFacts:
    return FileFacts(what="database", path="/d", mode=mode, allowed=allowed, owner=owner, us=7)


@given(st.integers(0, 0o777), st.sampled_from([0o600, 0o640, 0o700, 0o755]))
def test_a_mode_is_all_right_or_its_remedy_makes_it_so(mode: int, allowed: int) -> None:
    finding = judge_file(file(mode, allowed))
    assert (finding is None) == (mode & ~allowed == 0)
    if finding is not None:
        _chmod, mended, _path = finding.remedy.split()
        assert judge_file(file(int(mended, 8), allowed)) is None


def test_a_file_of_another_user_is_noticed_but_not_one_of_root() -> None:
    found = judge_file(file(0o600, owner=8))
    assert found is not None
    assert "uid 8" in found.message
    assert judge_file(file(0o600, owner=0)) is None


def space(
    free: int, database: int = 0, kind: str | None = "ext4", locks: bool = True
) -> SpaceFacts:
    return SpaceFacts(
        folder="/d",
        free=free * MEGABYTE,
        total=10_000 * MEGABYTE,
        database=database * MEGABYTE,
        file_system=kind,
        has_locks=locks,
    )


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (space(1000), [OK]),
        (space(255), [WARNING]),
        (space(15), [ERROR]),
        (space(1000, 400), [WARNING]),
        (space(1300, 400), [OK]),
        (space(1000, kind=None), [OK]),
        (space(1000, kind="nfs4"), [OK, ERROR]),
        (space(1000, kind=None, locks=False), [OK, ERROR]),
    ],
)
def test_room_and_file_systems(facts: SpaceFacts, expected: list[Level]) -> None:
    assert levels(judge_space(facts)) == expected


@pytest.mark.parametrize(
    ("facts", "expected", "word"),
    [
        (DatabaseFacts(path="/d", exists=False), [OK], "not there yet"),
        (DatabaseFacts(path="/d", is_empty=True), [OK], "not there yet"),
        (DatabaseFacts(path="/d", revision="0002"), [OK, OK], "whole"),
        (DatabaseFacts(path="/d", revision="0001"), [OK, WARNING], "older"),
        (DatabaseFacts(path="/d", revision="0003"), [OK, ERROR], "newer"),
        (DatabaseFacts(path="/d", revision=None), [OK, ERROR], "another program's"),
        (DatabaseFacts(path="/d", unusable="no"), [ERROR], "no"),
        (DatabaseFacts(path="/d", is_writable=False), [ERROR], "cannot be written"),
        (DatabaseFacts(path="/d", revision="0002", damage=("page 7",)), [ERROR], "page 7"),
        (DatabaseFacts(path="/d", revision="0002", loose_references=3), [ERROR, OK], "3 rows"),
        (DatabaseFacts(path="/d", revision="0002", finished=False), [WARNING, OK], "too large"),
    ],
)
def test_databases(facts: DatabaseFacts, expected: list[Level], word: str) -> None:
    found = judge_database(facts, "0002")
    assert levels(found) == expected
    assert word in " ".join(finding.message for finding in found)
    area = Area.DAMAGE if facts.damage else Area.DATABASE
    assert all(f.area is area for f in found if f.level is ERROR)
    assert all(f.remedy for f in found if f.level is not OK)


def lock(age: float = 10.0, **more: bool) -> LockFacts:
    given = {"is_daemon": True, "is_released": False, "is_alive": True, "is_elsewhere": False}
    return LockFacts(who="daemon with pid 7", age_seconds=age, **{**given, **more})


ANSWERS = DaemonFacts(answers=True, pid=7, version="1", our_version="1")


@pytest.mark.parametrize(
    ("holder", "daemon", "of_lock", "of_daemon"),
    [
        (None, DaemonFacts(), OK, [OK]),
        (lock(is_released=True), DaemonFacts(), OK, [OK]),
        (lock(is_alive=False), DaemonFacts(), OK, [OK]),
        (lock(is_elsewhere=True), DaemonFacts(), WARNING, [OK]),
        (lock(), ANSWERS, OK, [OK]),
        (lock(age=9e9), ANSWERS, OK, [OK]),
        (lock(), DaemonFacts(), OK, [ERROR]),
        (lock(age=3601), DaemonFacts(), ERROR, [ERROR]),
        (lock(age=3601), DaemonFacts(silent=True), ERROR, [ERROR]),
        (lock(age=3601, is_daemon=False), DaemonFacts(), OK, [OK]),
        (None, DaemonFacts(silent=True), OK, [ERROR]),
        (
            lock(),
            DaemonFacts(answers=True, version="1", our_version="2", trouble="disk full"),
            OK,
            [OK, WARNING, ERROR],
        ),
    ],
)
def test_the_lock_and_the_daemon(
    holder: LockFacts | None, daemon: DaemonFacts, of_lock: Level, of_daemon: list[Level]
) -> None:
    assert judge_lock(holder, daemon).level is of_lock
    assert levels(judge_daemon(holder, daemon)) == of_daemon
