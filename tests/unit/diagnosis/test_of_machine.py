"""What `check` says of the machine, the files and the remote, and at which bound it begins to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.diagnosis.codes import Code
from rules.diagnosis.findings import Area, Finding, Fine, Severity
from rules.diagnosis.observations import Access, DiskSeen
from rules.diagnosis.of_database import MEGABYTE
from rules.diagnosis.of_machine import (
    FileOfDatabase,
    FileSeen,
    Looked,
    RemoteSeen,
    judge_clock,
    judge_database,
    judge_disk,
    judge_file,
    judge_newest_run,
    judge_python,
    judge_remote,
    judge_sqlite,
)
from rules.model import ErrorKind
from tests.unit.diagnosis.worlds import NOW

OK = None
WARNING, ERROR, INFORMATION = Severity.WARNING, Severity.ERROR, Severity.INFORMATION


def severity(looked: Looked) -> Severity | None:
    return looked.severity if isinstance(looked, Finding) else None


def severities(looked: Iterable[Looked]) -> list[Severity | None]:
    return [severity(each) for each in looked]


def test_the_remote() -> None:
    one, three = judge_remote(RemoteSeen(products=1), ""), judge_remote(RemoteSeen(products=3), "")
    assert one == Fine(subject="remote", message="it takes the token, which sees 1 product")
    assert three.message.endswith("sees 3 products")
    refused = judge_remote(RemoteSeen(failure=ErrorKind.UNAUTHORIZED, message="401"), "/t")
    assert isinstance(refused, Finding)
    assert refused.action == "put a valid token into /t, then testio-sync sync"


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_failure_of_the_remote_is_an_error_with_something_to_do(kind: ErrorKind) -> None:
    finding = judge_remote(RemoteSeen(failure=kind, message="so it said"), "")
    assert isinstance(finding, Finding)
    assert (finding.code, finding.severity) == (kind.value, ERROR)
    refused = kind in (ErrorKind.UNAUTHORIZED, ErrorKind.FORBIDDEN)
    assert (finding.area is Area.CREDENTIALS) is refused


@pytest.mark.parametrize(
    ("ahead", "found"),
    [(0, OK), (60, OK), (-60, OK), (61, WARNING), (-600, WARNING), (601, ERROR), (-1e6, ERROR)],
)
def test_clocks_that_differ(ahead: float, found: Severity | None) -> None:
    (looked,) = judge_clock(ahead)
    assert severity(looked) is found
    if found is not OK:
        way = "behind" if ahead > 0 else "ahead of"
        assert looked.message == (
            f"it is {abs(ahead):.0f} s {way} the remote's, and freshness is told by it"
        )


def test_a_remote_that_does_not_tell_the_time_is_no_finding() -> None:
    assert list(judge_clock(None)) == []


def test_a_run_of_the_future() -> None:
    assert list(judge_newest_run(None, NOW)) == []
    assert list(judge_newest_run(NOW + timedelta(seconds=60), NOW)) == [], "clocks are slewed"
    (told,) = judge_newest_run(NOW + timedelta(seconds=61), NOW)
    assert told.message == "the newest run began in the future, at 2026-03-01 08:01 UTC"
    assert severity(told) is WARNING


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ((3, 6, 23), OK),
        ((3, 7, 0), INFORMATION),
        ((3, 40, 1), INFORMATION),
        ((3, 44, 5), INFORMATION),
        ((3, 44, 6), OK),
        ((3, 45, 0), INFORMATION),
        ((3, 50, 7), OK),
        ((3, 50, 8), OK),
        ((3, 51, 2), INFORMATION),
        ((3, 51, 3), OK),
        ((4, 0, 0), OK),
    ],
)
def test_the_sqlite_versions_with_the_wal_reset_bug(
    version: tuple[int, ...], found: Severity | None
) -> None:
    """One connection of ours writes, so nothing is wrong: nobody need deny it."""
    assert severity(judge_sqlite(version)) is found


def test_which_sqlite_would_do_is_said() -> None:
    told = judge_sqlite((3, 40, 1))
    assert isinstance(told, Finding)
    assert told.message == "3.40.1 can corrupt a database that two programs write at the same time"
    assert "a SQLite of 3.51.3 or newer" in told.action


@pytest.mark.parametrize(
    ("version", "found"),
    [((3, 10, 9), ERROR), ((3, 11), OK), ((3, 11, 0), OK), ((3, 15, 0), OK), ((3, 16, 1), WARNING)],
)
def test_python_versions(version: tuple[int, ...], found: Severity | None) -> None:
    assert severity(judge_python(version)) is found


FILE = FileSeen(what="token file", path="/t", mode=0o600, allowed=0o600, owner=7, us=7)


def test_a_file_of_somebody_else() -> None:
    told = judge_file(replace(FILE, owner=8))
    assert told is not None
    assert (told.code, told.action) == (Code.FILE_OWNER, "sudo chown 7 /t")
    assert judge_file(replace(FILE, owner=0)) is None, "root may do anything in any case"
    assert judge_file(replace(FILE, owner=1)) is not None


@pytest.mark.parametrize(
    ("mode", "able"),
    [
        (0o620, "change"),
        (0o602, "change"),
        (0o666, "change"),
        (0o640, "read"),
        (0o604, "read"),
        (0o611, "enter"),
        (0o670, "change"),
    ],
)
def test_a_mode_says_the_worst_that_others_can_do(mode: int, able: str) -> None:
    told = judge_file(replace(FILE, mode=mode))
    assert told is not None
    assert told.message == f"/t has the mode 0{mode:o}: others can {able} it"
    assert told.action == "chmod 600 /t"


@given(st.integers(0, 0o777), st.sampled_from([0o600, 0o640, 0o700, 0o755]))
def test_a_mode_is_all_right_or_its_action_makes_it_so(mode: int, allowed: int) -> None:
    told = judge_file(replace(FILE, mode=mode, allowed=allowed))
    assert (told is None) == (mode & ~allowed == 0)
    if told is not None:
        _chmod, mended, _path = told.action.split()
        assert judge_file(replace(FILE, mode=int(mended, 8), allowed=allowed)) is None


DISK = DiskSeen(folder="/d", free=1000 * MEGABYTE, database=0, total=10**12, file_system="ext4")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (DISK, [OK]),
        (replace(DISK, free=255 * MEGABYTE), [WARNING]),
        (replace(DISK, free=0), [ERROR]),
        (replace(DISK, total=0), []),
        (replace(DISK, file_system=None), [OK]),
        (replace(DISK, file_system="nfs4"), [OK, ERROR]),
        (replace(DISK, file_system=None, has_locks=False), [OK, ERROR]),
    ],
)
def test_room_and_file_systems(seen: DiskSeen, expected: list[Severity | None]) -> None:
    assert severities(judge_disk(seen)) == expected


@pytest.mark.parametrize(
    ("seen", "where"),
    [
        (replace(DISK, file_system="nfs"), "nfs over the network"),
        (replace(DISK, file_system="9p"), "9p of the host of this virtual machine"),
        (replace(DISK, file_system="nfs", has_locks=False), "nfs without kernel locks"),
        (replace(DISK, file_system=None, has_locks=False), "a file system without kernel locks"),
    ],
)
def test_file_systems_that_sqlite_is_not_safe_on(seen: DiskSeen, where: str) -> None:
    told = list(judge_disk(seen))[1]
    assert told.message == f"/d is on {where}, where SQLite's WAL is not safe"


DATABASE = FileOfDatabase(path="/d/t.db", revision="0002")


@pytest.mark.parametrize(
    ("seen", "expected", "words"),
    [
        (DATABASE, [OK, OK], "/d/t.db is whole"),
        (replace(DATABASE, exists=False), [OK], "is not there yet; a first sync makes it"),
        (replace(DATABASE, is_empty=True), [OK], "is not there yet"),
        (replace(DATABASE, access=Access.UNUSABLE, why="it is none"), [ERROR], "it is none"),
        (replace(DATABASE, access=Access.HIDDEN, why="no", owner="ada"), [ERROR], "no"),
        (replace(DATABASE, no_folder=("/d", "/")), [ERROR], "no folder /d, and none can be made"),
        (replace(DATABASE, is_writable=False), [ERROR], "cannot be written by this user"),
        (replace(DATABASE, damage=("page 7", "page 9")), [ERROR], "is damaged: page 7; page 9"),
        (replace(DATABASE, loose_references=3), [ERROR, OK], "3 rows refer to rows that are not"),
        (replace(DATABASE, finished=False), [WARNING, OK], "too large to be checked whole"),
        (replace(DATABASE, revision=None), [OK, ERROR], "is another program's database"),
        (replace(DATABASE, revision="0003"), [OK, ERROR], "this one knows up to 0002"),
        (replace(DATABASE, revision="0001"), [OK, INFORMATION], "is older than this program's"),
        (replace(DATABASE, with_passwords=("a.bak", "b.bak")), [OK, OK, WARNING], "a.bak, b.bak:"),
    ],
)
def test_the_database(seen: FileOfDatabase, expected: list[Severity | None], words: str) -> None:
    looked = list(judge_database(seen, "0002"))
    assert severities(looked) == expected
    assert words in " ".join(each.message for each in looked)
    area = Area.DAMAGE if seen.damage else Area.DATABASE
    errors = [each for each in looked if isinstance(each, Finding) and each.severity is ERROR]
    assert all(each.area is area for each in errors)
