"""What `check` says of each finding, word for word, and at which bound it begins to say it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

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
from rules.diagnosis.findings import Area, Finding, Level, error, ok, warning
from rules.model import ErrorKind

NOW = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


def test_the_remote() -> None:
    assert judge_remote(RemoteFacts(products=1)) == ok(
        "remote", "it takes the token, which sees 1 product"
    )
    assert judge_remote(RemoteFacts(products=3)).message.endswith("sees 3 products")
    refused = RemoteFacts(failure=ErrorKind.UNAUTHORIZED, message="401")
    assert judge_remote(refused) == error(
        "remote", "401", "testio-sync init --force", Area.CREDENTIALS
    )
    late = RemoteFacts(failure=ErrorKind.TIMEOUT, message="no answer")
    assert judge_remote(late) == error(
        "remote",
        "no answer",
        "check the network, TESTIO_CUSTOMER_API_BASE_URL and TESTIO_PROXY_URL",
    )
    ill = RemoteFacts(failure=ErrorKind.SERVER_ERROR, message="500")
    assert judge_remote(ill).remedy == "try again in a few minutes"


REMEDY = "set it by the network: timedatectl set-ntp true"


def test_the_clock() -> None:
    assert judge_clock(60.0) == [ok("clock", "it agrees with the remote's to a minute")]
    assert judge_clock(600.0) == [
        warning("clock", "it is 600 s behind the remote's, and freshness is told by it", REMEDY)
    ]
    assert judge_clock(-601.0) == [
        error("clock", "it is 601 s ahead of the remote's, and freshness is told by it", REMEDY)
    ]


def test_a_run_of_the_future() -> None:
    assert judge_newest_run(NOW + timedelta(seconds=60), NOW) == []
    assert judge_newest_run(NOW + timedelta(seconds=61), NOW) == [
        warning(
            "clock",
            "the newest run began in the future, at 2026-01-31 12:31 UTC",
            "check this machine's clock; what was synced meanwhile looks fresher than it is",
        )
    ]


def test_the_libraries() -> None:
    assert judge_sqlite((3, 51, 3)) == ok("SQLite", "3.51.3")
    assert judge_sqlite((3, 44, 0)) == warning(
        "SQLite",
        "3.44.0 can corrupt a database when two connections write or checkpoint at the same "
        "time; testio-sync has one that does, so this takes another program",
        "open the database read-only elsewhere, or use SQLite 3.51.3 or newer",
    )
    assert judge_sqlite((3, 50, 8)).level is Level.OK, "a series that was mended stays so"
    assert judge_python((3, 11, 0, "final")) == ok("Python", "3.11.0")  # type: ignore[arg-type]
    assert judge_python((3, 11)).level is Level.OK, "the oldest that will do"
    assert judge_python((3, 10, 9)) == error(
        "Python", "3.10.9 is too old", "install with Python 3.11 or newer"
    )
    assert judge_python((3, 16, 1)) == warning(
        "Python", "3.16.1 was never tried with this version", "use Python 3.11 to 3.14"
    )


FILE = FileFacts(what="token file", path="/t", mode=0o600, allowed=0o600, owner=7, us=7)


def test_a_file_of_somebody_else() -> None:
    assert judge_file(replace(FILE, owner=8)) == warning(
        "token file", "/t belongs to another user (uid 8)", "sudo chown 7 /t"
    )
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
    assert judge_file(replace(FILE, mode=mode)) == warning(
        "token file", f"/t has the mode 0{mode:o}: others can {able} it", "chmod 600 /t"
    )


SPACE = SpaceFacts(
    folder="/d", free=1000 * MEGABYTE, database=2 * MEGABYTE, total=10**12, file_system="ext4"
)
ROOM = "make room in /d, or move the database: TESTIO_DB_PATH"


def test_room_on_the_disk() -> None:
    assert judge_space(SPACE) == [ok("disk space", "1000 MiB free in /d; the database has 2 MiB")]
    assert judge_space(replace(SPACE, total=0)) == [], "what has no size holds no files"
    assert judge_space(replace(SPACE, total=1)) != []
    assert judge_space(replace(SPACE, free=16 * MEGABYTE)) == [
        warning(
            "disk space",
            "16 MiB free in /d; the database has 2 MiB; a fresh start (sync --nuke) takes three "
            "times that for a moment",
            ROOM,
        )
    ]
    assert judge_space(replace(SPACE, free=16 * MEGABYTE - 1)) == [
        error("disk space", "15 MiB free in /d; the database has 2 MiB", ROOM, Area.DATABASE)
    ]


@pytest.mark.parametrize(("database", "enough"), [(1, 256), (85, 256), (100, 300)])
def test_a_fresh_start_needs_three_times_the_database(database: int, enough: int) -> None:
    facts = replace(SPACE, database=database * MEGABYTE, free=enough * MEGABYTE)
    assert judge_space(facts)[0].level is Level.OK
    assert judge_space(replace(facts, free=facts.free - 1))[0].level is Level.WARNING


@pytest.mark.parametrize(
    ("facts", "where"),
    [
        (replace(SPACE, file_system="nfs"), "nfs over the network"),
        (replace(SPACE, file_system="9p"), "9p of the host of this virtual machine"),
        (replace(SPACE, file_system="nfs", has_locks=False), "nfs without kernel locks"),
        (replace(SPACE, file_system=None, has_locks=False), "a file system without kernel locks"),
    ],
)
def test_file_systems_that_sqlite_is_not_safe_on(facts: SpaceFacts, where: str) -> None:
    assert judge_space(facts)[1:] == [
        error(
            "file system",
            f"/d is on {where}, where SQLite's WAL is not safe",
            "put TESTIO_DB_PATH on a local disk",
            Area.DATABASE,
        )
    ]


DATABASE = DatabaseFacts(path="/d/t.db", revision="0002")
WHOLE = ok("database", "/d/t.db is whole")
SCHEMA = ok("schema", "0002")


def broken(subject: str, message: str, remedy: str) -> Finding:
    return error(subject, message, remedy, Area.DATABASE)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (DATABASE, [WHOLE, SCHEMA]),
        (
            replace(DATABASE, exists=False),
            [ok("database", "/d/t.db is not there yet; a first sync makes it")],
        ),
        (
            replace(DATABASE, unusable="it is no database"),
            [broken("database", "it is no database", "mend that, or use another TESTIO_DB_PATH")],
        ),
        (
            replace(DATABASE, no_folder=("/d", "/")),
            [
                broken(
                    "database",
                    "there is no folder /d, and none can be made in /",
                    "make the folder for this user, or change TESTIO_DB_PATH",
                )
            ],
        ),
        (
            replace(DATABASE, is_writable=False),
            [
                broken(
                    "database",
                    "/d/t.db or its folder cannot be written by this user",
                    "run as the user it belongs to, or change TESTIO_DB_PATH",
                )
            ],
        ),
        (
            replace(DATABASE, damage=("page 7", "page 9"), loose_references=3),
            [
                Finding(
                    level=Level.ERROR,
                    subject="database",
                    message="/d/t.db is damaged: page 7; page 9",
                    remedy="testio-sync rebuild",
                    area=Area.DAMAGE,
                )
            ],
        ),
        (
            replace(DATABASE, loose_references=3),
            [
                broken(
                    "database",
                    "/d/t.db is damaged: 3 rows refer to rows that are not there",
                    "testio-sync sync --nuke",
                ),
                SCHEMA,
            ],
        ),
        (
            replace(DATABASE, finished=False),
            [
                warning(
                    "database",
                    "/d/t.db is too large to be checked whole in the time given",
                    "check all of it: testio-sync check --thorough",
                ),
                SCHEMA,
            ],
        ),
        (
            replace(DATABASE, revision=None),
            [
                WHOLE,
                broken(
                    "schema", "/d/t.db is another program's database", "use another TESTIO_DB_PATH"
                ),
            ],
        ),
        (
            replace(DATABASE, revision="0003"),
            [
                WHOLE,
                broken(
                    "schema",
                    "0003 was made by a newer testio-sync; this one knows up to 0002",
                    "upgrade this program, or put the backup <database>.schema-….bak back",
                ),
            ],
        ),
        (
            replace(DATABASE, revision="0001"),
            [
                WHOLE,
                warning(
                    "schema",
                    "0001 is older than this program's 0002",
                    "none is needed: the next start or sync backs the file up and migrates it",
                ),
            ],
        ),
        (
            replace(DATABASE, with_passwords=("a.bak", "b.bak")),
            [
                WHOLE,
                ok("schema", "0002"),
                warning(
                    "older copies",
                    "a.bak, b.bak: made by an earlier version, which stored passwords of test "
                    "environments",
                    "delete them, and backups and exports elsewhere that are as old",
                ),
            ],
        ),
    ],
)
def test_the_database(facts: DatabaseFacts, said: list[Finding]) -> None:
    assert judge_database(facts, "0002") == said


LOCK = LockFacts(
    who="daemon with pid 7",
    is_daemon=True,
    is_released=False,
    is_alive=True,
    is_elsewhere=False,
    age_seconds=1.0,
)
NO_DAEMON = DaemonFacts()
DAEMON = DaemonFacts(answers=True, pid=7, version="1", our_version="1")


@pytest.mark.parametrize(
    ("lock", "daemon", "said"),
    [
        (None, NO_DAEMON, ok("writer lock", "free")),
        (replace(LOCK, is_released=True), NO_DAEMON, ok("writer lock", "free")),
        (
            replace(LOCK, is_elsewhere=True),
            NO_DAEMON,
            warning(
                "writer lock",
                "taken on another machine, by the daemon with pid 7",
                "one database belongs on one machine's local disk; stop the other process",
            ),
        ),
        (
            replace(LOCK, is_alive=False),
            NO_DAEMON,
            ok(
                "writer lock",
                "left by the daemon with pid 7, which was killed; the next start takes it over",
            ),
        ),
        (
            replace(LOCK, age_seconds=3719.0),
            NO_DAEMON,
            error(
                "writer lock",
                "held by the daemon with pid 7, which has shown no life for 61 min",
                "end that process; its lock goes with it",
            ),
        ),
        (
            replace(LOCK, age_seconds=3600.0),
            NO_DAEMON,
            ok("writer lock", "held by the daemon with pid 7"),
        ),
        (
            replace(LOCK, age_seconds=9e9),
            DAEMON,
            ok("writer lock", "held by the daemon with pid 7"),
        ),
    ],
)
def test_the_writer_lock(lock: LockFacts | None, daemon: DaemonFacts, said: Finding) -> None:
    assert judge_lock(lock, daemon) == said


HANGS = error(
    "daemon",
    "it holds the writer lock, but does not answer on its socket",
    "look into its log, or end it and start it again",
)
NONE_RUNS = ok("daemon", "none runs")


@pytest.mark.parametrize(
    ("lock", "daemon", "said"),
    [
        (None, NO_DAEMON, NONE_RUNS),
        (LOCK, NO_DAEMON, HANGS),
        (None, replace(NO_DAEMON, silent=True), HANGS),
        (replace(LOCK, is_daemon=False), NO_DAEMON, NONE_RUNS),
        (replace(LOCK, is_alive=False), NO_DAEMON, NONE_RUNS),
        (replace(LOCK, is_released=True), NO_DAEMON, NONE_RUNS),
        (replace(LOCK, is_elsewhere=True), NO_DAEMON, NONE_RUNS),
    ],
)
def test_a_daemon_that_does_not_answer(
    lock: LockFacts | None, daemon: DaemonFacts, said: Finding
) -> None:
    assert judge_daemon(lock, daemon) == [said]


def test_a_daemon_that_answers() -> None:
    assert judge_daemon(LOCK, replace(DAEMON, our_version="2", trouble="disk full")) == [
        ok("daemon", "pid 7 answers"),
        warning(
            "daemon",
            "it runs version 1, and this program is 2",
            "start it again: testio-sync stop, then run",
        ),
        broken("daemon", "it cannot write: disk full", "see its log; mostly the disk is full"),
    ]
    assert judge_daemon(LOCK, DAEMON) == [ok("daemon", "pid 7 answers")]
