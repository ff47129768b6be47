"""For each code: how it comes about, and what a person does about it, as the finding says.

A scenario is a generator: it brings the finding about, and yields its code. It is sent the finding,
acts as that says, and ends; then the finding has to be gone. A command in the action is carried
out as printed; what a person does outside, such as a new token, is done by the scenario.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing
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


# -- the daemon ----------------------------------------------------------------------------------


@scenario(Code.NO_DAEMON)
def none_runs(patient: Patient) -> Acting:
    patient.home.run("sync")
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.DAEMON_KILLED, usual=True)
def killed(patient: Patient) -> Acting:
    """Between two runs, so that no run tells of it."""
    daemon = patient.home.daemon()
    patient.home.wait_for_run(1)
    patient.kill(daemon)
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.DAEMON_SILENT)
def silent(patient: Patient) -> Acting:
    daemon = patient.home.daemon()
    patient.home.wait_for_run(1)
    daemon.send_signal(signal.SIGSTOP)
    found = yield
    assert "testio-sync stop" in found["action"]
    said = patient.home.run("stop", expect=1).stderr
    assert f"`kill -9 {daemon.pid}`" in said
    patient.kill(daemon)
    patient.carry_out("testio-sync run")


@scenario(Code.SOCKET_MISSING)
def no_socket(patient: Patient) -> Acting:
    """A daemon that goes on makes its socket again by itself, as the finding says."""
    home = patient.home
    daemon = home.daemon()
    home.wait_for_run(1)
    holder = json.loads(home.lock_file.read_text())
    home.lock_file.write_text(json.dumps(holder | {"started_at": patient.long_ago()}))
    daemon.send_signal(signal.SIGSTOP)
    home.control.path.unlink()
    found = yield
    assert "makes its socket again" in found["action"]
    daemon.send_signal(signal.SIGCONT)


@scenario(Code.SOCKET_BLOCKED)
def socket_blocked(patient: Patient) -> Acting:
    home = patient.home
    home.daemon()
    home.wait_for_run(1)
    place = home.control.path
    place.unlink()
    place.mkdir()
    found = yield
    assert found["action"].startswith(f"move {place} away")
    place.rmdir()


@scenario(Code.PAUSED, usual=True)
def paused(patient: Patient) -> Acting:
    patient.home.daemon()
    patient.home.wait_for_run(1)
    patient.home.run("pause")
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.METRICS_NOT_SERVED)
def port_taken(patient: Patient) -> Acting:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        patient.home.settings["TESTIO_METRICS_ADDRESS"] = address
        patient.home.daemon()
        patient.home.wait_for_run(1)
        found = yield
        assert address in found["action"]
    patient.carry_out("testio-sync stop; testio-sync run")


# -- the database --------------------------------------------------------------------------------


@scenario(Code.DATABASE_DAMAGED)
def damaged(patient: Patient) -> Acting:
    patient.home.run("sync")
    with patient.home.database.open("r+b") as file:
        file.write(os.urandom(4_000))
    found = yield
    assert found["action"] == "testio-sync rebuild"
    patient.home.run("rebuild", "--yes", expect=None)  # a person says yes to it
    patient.home.run("sync")


@scenario(Code.DATABASE_GONE, usual=True)
def gone(patient: Patient) -> Acting:
    patient.home.run("sync")
    patient.home.database.unlink()
    found = yield
    patient.carry_out(found["action"].partition(" or ")[2])


@scenario(Code.DATABASE_LOCKED, usual=True)
def locked(patient: Patient) -> Acting:
    """While a run waits to write."""
    home = patient.home
    home.daemon()
    home.wait_for_run(1)
    with patient.locked():
        home.start("sync", "--force")
        found = yield
        assert f"with pid {os.getpid()}" in found["action"], found


@scenario(Code.LOG_GROWS)
def log_grows(patient: Patient) -> Acting:
    home = patient.home
    home.daemon()
    home.wait_for_run(1)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tests").fetchall()
        with closing(sqlite3.connect(home.database, isolation_level=None)) as writer:
            writer.execute("CREATE TABLE theirs AS SELECT zeroblob(70000000)")
            writer.execute("DROP TABLE theirs")
            found = yield
        assert "fuser" in found["action"]
    home.run("sync", "--force")


@scenario(Code.NOTHING_SYNCED, usual=True)
def new(patient: Patient) -> Acting:
    found = yield
    patient.carry_out(found["action"].partition(",")[0])


# -- the remote ----------------------------------------------------------------------------------


@scenario(Code.UNAUTHORIZED, usual=True)
def token_refused(patient: Patient) -> Acting:
    """The network had failed before: nobody is sent to it any more."""
    home = patient.home
    token = home.folder / "token"
    token.write_text(home.simulator.token)
    token.chmod(0o600)
    home.settings |= {
        "TESTIO_CUSTOMER_API_TOKEN_FILE": str(token),
        "TESTIO_CUSTOMER_API_TOKEN": "",
        "TESTIO_REFRESH_INTERVAL_SECONDS": "0",
    }
    home.run("sync")
    patient.change(
        "UPDATE sync_cursors SET failing_since = ?, last_error = 'connection_failed: refused'",
        patient.long_ago(0),
    )
    home.simulator.set_token("another-token-1")
    home.daemon()
    assert home.wait_for_run(2) == "failed"
    found = yield
    assert str(token) in found["action"]
    said = found.get("said") or found["message"]
    assert "not asked since" in said, said
    token.write_text("another-token-1")
    patient.carry_out(found["action"])


@scenario(Code.CONNECTION_FAILED, usual=True)
def down_at_the_first_run(patient: Patient) -> Acting:
    """The remote is down at the first run: nobody is told that a list does not exist."""
    url = patient.home.simulator.base_url
    patient.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = "http://127.0.0.1:9/customer/v2"
    patient.home.run("sync", expect=1)
    told = patient.home.run("runs", "show", "1").stdout
    assert "there is no such list" not in told
    found = yield
    assert "the next run tries again" in found["action"]
    patient.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = url
    patient.home.run("sync")


@scenario(Code.FORBIDDEN)
def forbidden(patient: Patient) -> Acting:
    sick, *others = (each["id"] for each in patient.home.simulator.account()["products"])
    patient.home.simulator.add_fault(kind="status", status=403, product_id=sick)
    patient.home.run("sync", expect=3)
    found = yield
    assert "TESTIO_PRODUCT_IDS" in found["action"]
    patient.home.settings["TESTIO_PRODUCT_IDS"] = ",".join(map(str, others))
    patient.home.run("sync")


@scenario(Code.SERVER_ERROR, usual=True)
def server_error(patient: Patient) -> Acting:
    yield from _one_list(patient, status=500)


@scenario(Code.NOT_FOUND)
def not_found(patient: Patient) -> Acting:
    """The product is gone, and the list of products that we have does not say so yet."""
    home = patient.home
    home.run("sync")
    gone = home.simulator.account()["products"][0]["id"]
    home.simulator.mutate(action="delete", kind="product", id=gone)
    home.run("sync", "--phases", "features", "new_tests", expect=3)
    found = yield
    command = found["action"].partition(";")[0]
    assert "twice" in command
    patient.carry_out(command)
    patient.carry_out(command)


@scenario(Code.BAD_PAYLOAD)
def bad_payload(patient: Patient) -> Acting:
    fault = patient.home.simulator.add_fault(kind="garbage", path="/products")
    patient.home.run("sync", expect=None)
    found = yield
    assert "TESTIO_CUSTOMER_API_BASE_URL" in found["action"]
    patient.home.simulator.remove_fault(fault)
    patient.home.run("sync")


def _one_list(patient: Patient, **fault: Any) -> Acting:
    sick = patient.home.simulator.account()["products"][0]["id"]
    number = patient.home.simulator.add_fault(
        kind="status", product_id=sick, path="*/features", **fault
    )
    patient.home.run("sync", expect=3)
    found = yield
    patient.home.simulator.remove_fault(number)
    patient.carry_out(found["action"])


# -- the mirror ----------------------------------------------------------------------------------


@scenario(Code.STALE)
def stale(patient: Patient) -> Acting:
    patient.home.run("sync")
    patient.change("UPDATE sync_cursors SET current_as_of = ?", patient.long_ago())
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.INCOMPLETE)
def incomplete(patient: Patient) -> Acting:
    patient.home.run("sync")
    patient.change("UPDATE sync_cursors SET complete_as_of = ?", patient.long_ago())
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.NOT_LISTED)
def not_listed(patient: Patient) -> Acting:
    home = patient.home
    first = str(home.simulator.account()["products"][0]["id"])
    home.settings["TESTIO_PRODUCT_IDS"] = f"{first},99999"
    home.run("sync", expect=3)
    found = yield
    assert "TESTIO_PRODUCT_IDS" in found["action"]
    home.settings["TESTIO_PRODUCT_IDS"] = first


@scenario(Code.NEVER_FETCHED)
def never_fetched(patient: Patient) -> Acting:
    first = str(patient.home.simulator.account()["products"][0]["id"])
    patient.home.run("sync", "--product-ids", first)
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.RUN_INTERRUPTED, usual=True)
def run_killed(patient: Patient) -> Acting:
    hanging = patient.home.hang("*/features")
    running = patient.home.start("sync")
    patient.home.wait_for_hang()
    patient.kill(running)
    patient.home.simulator.remove_fault(hanging)
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.UNREADABLE_RECORDS)
def poison(patient: Patient) -> Acting:
    """What `problems list` shows can be tried again once the remote is mended."""
    account = patient.home.simulator.account()
    product = account["products"][0]["id"]
    hidden = account["tests"][str(product)][10]["id"]
    fault = patient.home.simulator.add_fault(kind="poison", test_id=hidden)
    patient.home.run("sync", expect=3)
    found = yield
    patient.carry_out(found["action"])
    patient.home.simulator.remove_fault(fault)
    patient.carry_out("testio-sync problems retry")


@scenario(Code.HELD)
def held(patient: Patient) -> Acting:
    home = patient.home
    home.run("sync")
    product = home.simulator.account()["products"][0]["id"]
    for each in home.simulator.account()["tests"][str(product)]:
        home.simulator.mutate(action="delete", kind="test", id=each["id"])
    home.run("sync", "--force", expect=None)
    found = yield
    patient.carry_out(found["action"])
    entry = home.json("deletions", "list", "--json")[0]["id"]
    home.run("deletions", "accept", str(entry))
    home.run("sync")


# -- the machine, the files and the configuration ------------------------------------------------


@scenario(Code.CONFIGURATION, usual=True, only_check=True)
def no_token(patient: Patient) -> Acting:
    patient.home.settings["TESTIO_CUSTOMER_API_TOKEN"] = ""
    found = yield
    assert "expected the account's API token" in found["message"]
    assert found["remedy"] == "change it there"
    patient.home.settings["TESTIO_CUSTOMER_API_TOKEN"] = patient.home.simulator.token


@scenario(Code.SETTING_UNKNOWN, only_check=True)
def typo(patient: Patient) -> Acting:
    patient.home.settings["HTTP_TIMEOUT"] = "5"
    found = yield
    right = found["remedy"].removeprefix("did you mean ").rstrip("?")
    patient.home.settings[right] = patient.home.settings.pop("HTTP_TIMEOUT")


@scenario(Code.FILE_MODE, usual=True, only_check=True)
def open_to_others(patient: Patient) -> Acting:
    patient.home.run("sync")
    patient.home.database.chmod(0o644)
    yield
    for found in patient.check():
        if found["code"] == Code.FILE_MODE:
            word, mode, path = found["remedy"].split()
            assert word == "chmod"
            os.chmod(path, int(mode, 8))


@scenario(Code.DATABASE_ALIAS, only_check=True)
def hard_link(patient: Patient) -> Acting:
    patient.home.run("sync")
    other = patient.home.folder / "other.db"
    os.link(patient.home.database, other)
    found = yield
    assert "leave one of them" in found["remedy"]
    other.unlink()


@scenario(Code.OLDER_COPIES, only_check=True)
def older_copies(patient: Patient) -> Acting:
    patient.home.run("sync")
    copy = patient.home.folder / "testio.db.schema-0003.bak"
    shutil.copy(patient.home.database, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("PRAGMA user_version = 0")
    found = yield
    assert copy.name in found["message"]
    copy.unlink()


@scenario(Code.OTHER_ADDRESS, only_check=True)
def other_address(patient: Patient) -> Acting:
    patient.home.run("sync")
    url = patient.home.simulator.base_url
    patient.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = url.replace("127.0.0.1", "localhost")
    found = yield
    assert url in found["message"]
    patient.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = url


@scenario(Code.LOG_FILE, only_check=True)
def log_file(patient: Patient) -> Acting:
    patient.home.settings["LOG_FILE"] = "."
    found = yield
    assert found["remedy"] == "change LOG_FILE"
    patient.home.settings["LOG_FILE"] = "log.txt"


@scenario(Code.RUN_IN_FUTURE, only_check=True)
def run_in_future(patient: Patient) -> Acting:
    """The clock was wrong when it began: the next run is in order again."""
    patient.home.run("sync")
    patient.change("UPDATE sync_runs SET started_at = '2999-01-01T00:00:00.000000Z'")
    found = yield
    assert "clock" in found["remedy"]
    patient.change("DELETE FROM sync_runs")


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
