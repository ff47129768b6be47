"""For each code: how it comes about, and what a person does about it, as the finding says.

A scenario is a generator: it brings the finding about, and yields its code. It is sent the finding,
acts as that says, and ends; then the finding has to be gone. A command in the action is carried
out as printed; what a person does outside, such as a new token, is done by the scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from rules.diagnosis.codes import Code
from tests.diagnosis.patient import Patient

Acting = Generator[None, dict[str, Any], None]
Act = Callable[[Patient], Acting]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`usual`: the default suite tries it, too. `only_check`: no other command looks at it."""

    code: Code
    act: Act
    usual: bool
    only_check: bool


SCENARIOS: list[Scenario] = []


def scenario(code: Code, *, usual: bool = False, only_check: bool = False) -> Callable[[Act], Act]:
    """Declare one."""

    def declare(act: Act) -> Act:
        made = Scenario(code=code, act=act, usual=usual, only_check=only_check)
        SCENARIOS.append(made)
        return act

    return declare


UNTRIED: dict[Code, str] = {
    Code.GAVE_UP: "tests/faults number 21 does it: crashes again and again, and a plain start",
    Code.OTHER_VERSION: "takes two versions of the program; tests/unit/diagnosis",
    Code.DAEMON_ELSEWHERE: "takes two machines; tests/e2e/test_check.py forges the lock file",
    Code.DAEMON_HIDDEN: "takes another user; tests/faults number 24",
    Code.DATABASE_HIDDEN: "takes another user; tests/faults number 24",
    Code.DAEMON_STARTING: "is over by itself",
    Code.ACTOR_MISSING: "takes a limit of threads; tests/faults number 32",
    Code.ACTOR_SILENT: "no message makes an actor hang from outside; tests/integration/test_health",
    Code.RUN_STUCK: "takes eleven minutes; tests/integration/test_watchdog.py",
    Code.WORKER_QUIET: "takes half an hour; tests/unit/diagnosis",
    Code.MAILBOX_CROWDED: "tests/faults number 22 does it with 100,000 messages",
    Code.DATABASE: "what SQLite says then has no one cause; tests/unit/diagnosis",
    Code.DISK_FULL: "takes a file system of its own; tests/faults number 3",
    Code.DISK_LOW: "takes a file system of its own; tests/unit/diagnosis",
    Code.JOURNAL_STUCK: "tests/faults number 3, with a limit of the file's size",
    Code.WRONG_ACCOUNT: "tests/e2e/test_account.py: another account, and `sync --nuke`",
    Code.STORAGE: "what it comes of is told itself by then; tests/unit/diagnosis",
    Code.CRASHED: "tests/faults number 21",
    Code.REFUSED: "as server_error, but for its words; tests/unit/diagnosis",
    Code.NEVER_LISTED: "is told with the product list's failure; tests/unit/diagnosis",
    Code.BAD_ROWS: "is told as unreadable_records",
    Code.HOLES: "is told as unreadable_records",
    Code.TIMEOUT: "takes half a minute; tests/faults number 9",
    Code.RATE_LIMITED: "tests/faults number 7",
    Code.LIST_MOVED: "tests/faults number 14",
    Code.UNCONFIRMED: "tests/faults number 15",
    Code.CANCELLED: "tests/e2e/test_steering.py",
    Code.BREAKER_OPEN: "takes more than a minute; tests/faults number 8",
    Code.FAILING: "takes a later version of the program",
    Code.LAST_RUN: "is told where nothing else is left; tests/unit/diagnosis",
    Code.LOOSE_REFERENCES: "takes a file that another program wrote; tests/unit/diagnosis",
    Code.PYTHON_TOO_OLD: "takes another Python",
    Code.PYTHON_UNTRIED: "takes another Python",
    Code.SQLITE_OLD: "takes another SQLite",
    Code.CLOCK_OFF: "tests/e2e/test_check.py, with a remote whose clock is off",
    Code.FILE_OWNER: "takes another user; tests/e2e/test_check.py",
    Code.FILE_SYSTEM: "takes a network's file system; tests/unit/host",
    Code.NO_FOLDER: "takes a folder that nobody may write; tests/e2e/test_check.py",
    Code.READ_ONLY: "takes another user than root; tests/faults number 5",
    Code.SCHEMA_NEWER: "takes a later version; tests/e2e/test_check.py",
    Code.SCHEMA_OLDER: "tests/e2e/test_upgrade.py: a daemon starts on it",
    Code.NOT_CHECKED_WHOLE: "takes a database of gigabytes",
}
"""Codes without a scenario here, each with why, and where else it is tried."""
