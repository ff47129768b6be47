"""What is said of the database, the disk below it, and of what cannot be written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rules.diagnosis.codes import Code
from rules.diagnosis.findings import Area, Severity
from rules.diagnosis.observations import Access, DaemonState, DiskSeen, Presence
from rules.diagnosis.of_database import LITTLE_SPACE, MEGABYTE, NO_SPACE, space
from tests.unit.diagnosis.worlds import LIMITS, NOW, codes, found, only, seen

DISK = DiskSeen(folder="/d", free=1024 * MEGABYTE, total=2048 * MEGABYTE, database=3 * MEGABYTE)


@pytest.mark.parametrize(
    ("access", "code", "area"),
    [
        (Access.DAMAGED, Code.DATABASE_DAMAGED, Area.DAMAGE),
        (Access.GONE, Code.DATABASE_GONE, Area.DATABASE),
        (Access.HIDDEN, Code.DATABASE_HIDDEN, Area.DATABASE),
        (Access.LOCKED, Code.DATABASE_LOCKED, Area.DATABASE),
        (Access.OLDER, Code.SCHEMA_OLDER, Area.OTHER),
        (Access.UNUSABLE, Code.DATABASE, Area.DATABASE),
    ],
)
def test_a_database_that_cannot_be_read(access: Access, code: Code, area: Area) -> None:
    finding = only(seen(mirror={"access": access, "why": "so it is", "owner": "ada"}))
    assert (finding.code, finding.area, finding.text) == (code, area, "so it is")
    is_unknown, is_old = access is Access.HIDDEN, access is Access.OLDER
    assert (finding.severity is Severity.WARNING) is is_unknown, "may not look is not broken"
    assert (finding.severity is Severity.INFORMATION) is is_old
    assert ("sudo -u ada" in finding.action) is is_unknown


@pytest.mark.parametrize("access", [Access.MISSING, Access.EMPTY])
def test_a_database_that_is_not_there_yet_is_no_fault(access: Access) -> None:
    finding = only(seen(presence=Presence.ONE_SHOT, mirror={"access": access}))
    assert (finding.code, finding.severity) == (Code.NOTHING_SYNCED, Severity.INFORMATION)
    assert finding.text == "nothing was synced into /m.db yet"


def test_one_without_runs_is_new_and_under_a_daemon_it_is_only_young() -> None:
    new = {"has_runs": False}
    assert codes(seen(presence=Presence.ONE_SHOT, mirror=new)) == [Code.NOTHING_SYNCED]
    assert found(seen(mirror=new)) == ()


@pytest.mark.parametrize(
    ("free", "database", "code"),
    [
        (NO_SPACE - 1, 0, Code.DISK_FULL),
        (NO_SPACE, 0, Code.DISK_LOW),
        (LITTLE_SPACE - 1, 0, Code.DISK_LOW),
        (LITTLE_SPACE, 0, None),
        (3 * LITTLE_SPACE - 1, LITTLE_SPACE, Code.DISK_LOW),
        (3 * LITTLE_SPACE, LITTLE_SPACE, None),
    ],
)
def test_the_room_on_the_disk(free: int, database: int, code: Code | None) -> None:
    disk = replace(DISK, free=free, database=database)
    assert [finding.code for finding in space(disk)] == ([] if code is None else [code])


def test_the_room_is_told_in_numbers_and_what_has_no_size_has_none() -> None:
    (low,) = space(replace(DISK, free=100 * MEGABYTE))
    assert low.text == (
        "little room is left on the disk: 100 MiB free in /d; the database has 3 MiB"
    )
    assert "make room in /d" in low.action
    assert list(space(replace(DISK, free=0, total=0))) == []


def test_a_full_disk_is_the_cause_and_is_told_instead_of_what_follows() -> None:
    state = DaemonState(trouble="database or disk is full", trouble_seconds=9)
    full = replace(DISK, free=0)
    told = only(seen(state=state, disk=full))
    assert (told.code, told.said(NOW)) == (
        Code.DISK_FULL,
        "what happens cannot be written for 9 s: database or disk is full (0 MiB free in /d; "
        "the database has 3 MiB)",
    )
    assert only(seen(disk=full)).text.startswith("the disk is full: 0 MiB free")
    nearly = only(seen(disk=replace(DISK, free=MEGABYTE)))
    assert nearly.text.startswith("the disk is nearly full: 1 MiB free")
    finding = only(seen(state=state, disk=DISK))
    assert finding.code is Code.JOURNAL_STUCK
    assert finding.said(NOW) == ("what happens cannot be written for 9 s: database or disk is full")


def test_who_holds_the_write_lock_is_named() -> None:
    state = DaemonState(locked_seconds=LIMITS.locked_seconds, trouble="locked")
    finding = only(seen(state=state, writer="the program sqlite3 with pid 7"))
    assert finding.code is Code.DATABASE_LOCKED
    assert finding.said(NOW) == "another program holds the database's write lock for 5 s"
    assert finding.action == (
        "end the program that writes to it: the program sqlite3 with pid 7; nothing is lost "
        "meanwhile"
    )
    unknown = only(seen(state=state))
    assert "(fuser /m.db may name it)" in unknown.action


def test_a_moment_behind_another_writer_is_not_told() -> None:
    assert found(seen(state=DaemonState(locked_seconds=LIMITS.locked_seconds - 0.1))) == ()


def test_a_database_that_is_locked_is_told_once() -> None:
    state = DaemonState(locked_seconds=9)
    mirror = {"access": Access.LOCKED, "why": "locked"}
    assert codes(seen(state=state, mirror=mirror)) == [Code.DATABASE_LOCKED]


def test_a_log_that_grows_behind_a_reader() -> None:
    assert found(seen(mirror={"log_bytes": LIMITS.log_bytes})) == ()
    finding = only(seen(mirror={"log_bytes": 70 * MEGABYTE}))
    assert finding.code is Code.LOG_GROWS
    assert finding.text == "SQLite's log beside the database has grown to 70 MiB"
    assert "fuser /m.db" in finding.action
