"""What `check` says of each thing that it looks at, word for word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from rules.diagnosis.catalogue import asked
from rules.diagnosis.codes import Code
from rules.diagnosis.entries import TRY_LATER
from rules.diagnosis.findings import Area, Finding, Severity
from rules.diagnosis.observations import Access, DiskSeen
from rules.diagnosis.of_daemon import other_version
from rules.diagnosis.of_database import LITTLE_SPACE, MEGABYTE, NO_SPACE, space
from rules.diagnosis.of_machine import (
    FileOfDatabase,
    FileSeen,
    Looked,
    judge_clock,
    judge_database,
    judge_disk,
    judge_file,
    judge_newest_run,
    judge_python,
    judge_sqlite,
)
from tests.unit.diagnosis.worlds import NOW, only, seen

Said = tuple[Code | None, str, str]
PATH = "/d/t.db"
DATABASE = FileOfDatabase(path=PATH, revision="0002")
WHOLE: Said = (None, "database", "/d/t.db is whole")
SCHEMA: Said = (None, "schema", "0002")


def said(looked: Looked) -> Said:
    code = looked.code if isinstance(looked, Finding) else None
    return code, looked.subject, looked.text if isinstance(looked, Finding) else looked.message


def all_said(looked: Iterable[Looked]) -> list[Said]:
    return [said(each) for each in looked]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 10, 9), (Code.PYTHON_TOO_OLD, "Python", "3.10.9 is too old")),
        ((3, 11, 0, "final"), (None, "Python", "3.11.0")),
        ((3, 11), (None, "Python", "3.11")),
        ((3, 15, 9), (None, "Python", "3.15.9")),
        (
            (3, 16, 1),
            (Code.PYTHON_UNTRIED, "Python", "3.16.1 was never tried with this version"),
        ),
    ],
)
def test_python(version: tuple[int, ...], expected: Said) -> None:
    assert said(judge_python(version)) == expected


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 51, 3), (None, "SQLite", "3.51.3")),
        (
            (3, 44, 0),
            (
                Code.SQLITE_OLD,
                "SQLite",
                "3.44.0 can corrupt a database that two programs write at the same time",
            ),
        ),
    ],
)
def test_sqlite(version: tuple[int, ...], expected: Said) -> None:
    assert said(judge_sqlite(version)) == expected


def test_the_clock() -> None:
    assert all_said(judge_clock(60.0)) == [
        (None, "clock", "it agrees with the remote's to a minute")
    ]
    told = "it is 600 s behind the remote's, and freshness is told by it"
    (late,) = judge_clock(600.0)
    assert said(late) == (Code.CLOCK_OFF, "clock", told)
    assert isinstance(late, Finding)
    assert late.severity is Severity.WARNING
    (future,) = judge_newest_run(NOW + timedelta(seconds=61), NOW)
    told = "the newest run began in the future, at 2026-03-01 08:01 UTC"
    assert said(future) == (Code.RUN_IN_FUTURE, "clock", told)
    assert list(judge_newest_run(NOW + timedelta(days=1, seconds=-86_400), NOW)) == []


def test_files() -> None:
    file = FileSeen(what="token file", path="/t", mode=0o600, allowed=0o600, owner=8, us=7)
    other = judge_file(file)
    assert other is not None
    assert said(other) == (Code.FILE_OWNER, "token file", "/t belongs to another user (uid 8)")
    open_to_all = judge_file(replace(file, owner=7, mode=0o640))
    assert open_to_all is not None
    assert said(open_to_all) == (
        Code.FILE_MODE,
        "token file",
        "/t has the mode 0640: others can read it",
    )


ROOM = DiskSeen(folder="/d", free=1000 * MEGABYTE, database=0, total=1, file_system="ext4")


def test_the_disk() -> None:
    enough = "1,000 MiB free in /d; the database has 0 MiB"
    assert all_said(judge_disk(ROOM)) == [(None, "disk space", enough)]
    network = replace(ROOM, file_system=None, has_locks=False)
    assert all_said(judge_disk(network))[1] == (
        Code.FILE_SYSTEM,
        "file system",
        "/d is on a file system without kernel locks, where SQLite's WAL is not safe",
    )
    for free, code, words in (
        (MEGABYTE - 1, Code.DISK_FULL, "the disk is full: 0 MiB free in /d"),
        (MEGABYTE, Code.DISK_FULL, "the disk is nearly full: 1 MiB free in /d"),
        (NO_SPACE, Code.DISK_LOW, "little room is left on the disk: 16 MiB free in /d"),
        (LITTLE_SPACE - 1, Code.DISK_LOW, "little room is left on the disk: 255 MiB free in /d"),
    ):
        (told,) = space(replace(ROOM, free=free))
        assert said(told) == (code, "disk space", f"{words}; the database has 0 MiB")
        assert "make room in /d" in told.action


@pytest.mark.parametrize(
    ("of_file", "expected"),
    [
        (DATABASE, [WHOLE, SCHEMA]),
        (
            replace(DATABASE, exists=False),
            [(None, "database", "/d/t.db is not there yet; a first sync makes it")],
        ),
        (
            replace(DATABASE, access=Access.UNUSABLE, why="it is none"),
            [(Code.DATABASE, "the database", "it is none")],
        ),
        (
            replace(DATABASE, access=Access.HIDDEN, why="no", owner="ada"),
            [(Code.DATABASE_HIDDEN, "the database", "no")],
        ),
        (
            replace(DATABASE, no_folder=("/d", "/")),
            [
                (
                    Code.NO_FOLDER,
                    "the database",
                    "there is no folder /d, and none can be made in /",
                )
            ],
        ),
        (
            replace(DATABASE, is_writable=False),
            [
                (
                    Code.READ_ONLY,
                    "the database",
                    "/d/t.db or its folder cannot be written by this user",
                )
            ],
        ),
        (
            replace(DATABASE, damage=("page 7", "page 9"), loose_references=3),
            [(Code.DATABASE_DAMAGED, "the database", "/d/t.db is damaged: page 7; page 9")],
        ),
        (
            replace(DATABASE, loose_references=3),
            [
                (
                    Code.LOOSE_REFERENCES,
                    "the database",
                    "/d/t.db is damaged: 3 rows refer to rows that are not there",
                ),
                SCHEMA,
            ],
        ),
        (
            replace(DATABASE, finished=False),
            [
                (
                    Code.NOT_CHECKED_WHOLE,
                    "the database",
                    "/d/t.db is too large to be checked whole in the time given",
                ),
                SCHEMA,
            ],
        ),
        (
            replace(DATABASE, revision=None),
            [WHOLE, (Code.DATABASE, "the schema", "/d/t.db is another program's database")],
        ),
        (
            replace(DATABASE, revision="0003"),
            [
                WHOLE,
                (
                    Code.SCHEMA_NEWER,
                    "the schema",
                    "0003 was made by a newer testio-sync; this one knows up to 0002",
                ),
            ],
        ),
        (
            replace(DATABASE, revision="0001"),
            [
                WHOLE,
                (Code.SCHEMA_OLDER, "the schema", "0001 is older than this program's 0002"),
            ],
        ),
        (
            replace(DATABASE, with_passwords=("a.bak", "b.bak")),
            [
                WHOLE,
                SCHEMA,
                (
                    Code.OLDER_COPIES,
                    "older copies",
                    "a.bak, b.bak: made by an earlier version, which stored passwords of test "
                    "environments",
                ),
            ],
        ),
    ],
)
def test_the_database(of_file: FileOfDatabase, expected: list[Said]) -> None:
    assert all_said(judge_database(of_file, "0002")) == expected


def test_whose_a_hidden_database_is_stands_in_the_action() -> None:
    (told,) = judge_database(replace(DATABASE, access=Access.HIDDEN, why="no", owner="ada"), "0002")
    assert isinstance(told, Finding)
    assert (told.severity, "sudo -u ada" in told.action) == (Severity.ERROR, True)


def test_who_asks_the_remote_himself_is_told_what_to_try() -> None:
    told = asked(Code.SERVER_ERROR, "500", place="/t")
    assert (said(told), told.severity) == ((Code.SERVER_ERROR, "remote", "500"), Severity.ERROR)
    assert told.action == TRY_LATER
    refused = asked(Code.UNAUTHORIZED, "401", place="/t", afterwards="look again")
    assert refused.action == "put a valid token into /t, then look again"
    assert refused.area is Area.CREDENTIALS


@pytest.mark.parametrize(
    ("access", "subject"),
    [
        (Access.DAMAGED, "the database"),
        (Access.GONE, "the database"),
        (Access.HIDDEN, "the database"),
        (Access.LOCKED, "the database"),
        (Access.UNUSABLE, "the database"),
        (Access.OLDER, "the schema"),
    ],
)
def test_what_cannot_be_read_is_told_of_the_database(access: Access, subject: str) -> None:
    told = only(seen(mirror={"access": access, "why": "so"}))
    assert told.subject == subject
    if access is Access.HIDDEN:
        assert "sudo -u OWNER" in told.action
    if access is Access.LOCKED:
        assert told.action.startswith("end the program that writes to it; nothing")


def test_a_daemon_of_another_version_is_told_of_the_daemon() -> None:
    assert other_version("1", "2").subject == "the daemon"
