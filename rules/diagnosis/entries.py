"""What each code means, how bad it usually is, and what to do: the words of the catalogue.

An action is what a person carries out as it stands, after the words in braces are filled in; a
test of each kind does so, and sees the finding gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rules.diagnosis.codes import Code
from rules.diagnosis.findings import Area, Severity

NEXT_RUN = "the next run tries again"
RETRY = "testio-sync problems retry"
PROBLEMS = "testio-sync problems list"
DELETIONS = "testio-sync deletions list"
SYNC = "testio-sync sync"
RUN = "testio-sync run"
STOP = "testio-sync stop"
INIT = "testio-sync init"
LOOK = f"{NEXT_RUN}; testio-sync status and {PROBLEMS} say more"

ERROR, WARNING, INFORMATION = Severity.ERROR, Severity.WARNING, Severity.INFORMATION


@dataclass(frozen=True, slots=True)
class Entry:
    """A code, explained. `heals`: a later run may do better by itself; nobody has to act at once.

    `severity` is the usual one.
    """

    severity: Severity
    cause: str
    action: str
    area: Area = Area.OTHER
    heals: bool = False

    def action_with(self, **values: object) -> str:
        """The action, with what is known of it filled in."""
        return self.action.format_map({**UNFILLED, **values})


UNFILLED: Mapping[str, object] = {
    "place": "its place",
    "afterwards": f"{SYNC}; a daemon takes it up with testio-sync reload first",
    "pid": "PID",
    "user": "OWNER",
    "path": "FILE",
    "folder": "FOLDER",
    "address": "ADDRESS",
    "hint": "change it there",
    "writer": "",
    "version": "3.51.3",
    "mode": "MODE",
    "run": "RUN",
    "look": LOOK,
}
"""What an action says where more is not known; also what stands in docs/findings.md."""

MACHINE: Mapping[Code, Entry] = {
    Code.CONFIGURATION: Entry(
        ERROR, "a setting cannot be used, or is missing", "{hint}", Area.CONFIGURATION
    ),
    Code.SETTING_UNKNOWN: Entry(WARNING, "a name looks like a setting and is none", "{hint}"),
    Code.LOG_FILE: Entry(
        ERROR, "the log cannot be written to LOG_FILE", "change LOG_FILE", Area.CONFIGURATION
    ),
    Code.PYTHON_TOO_OLD: Entry(
        ERROR, "this Python is too old", "install with Python 3.11 or newer"
    ),
    Code.PYTHON_UNTRIED: Entry(
        WARNING, "nobody has tried this program with this Python", "use Python 3.11 to 3.15"
    ),
    Code.SQLITE_OLD: Entry(
        INFORMATION,
        "this SQLite can corrupt a database when two connections write at the same time; "
        "testio-sync writes with one, so that takes another program",
        "write to the database with no other program; a SQLite of {version} or newer is rid of it",
    ),
    Code.CLOCK_OFF: Entry(
        WARNING,
        "this machine's clock and the remote's differ, and freshness is told by it",
        "set it by the network: timedatectl set-ntp true",
    ),
    Code.RUN_IN_FUTURE: Entry(
        WARNING,
        "the newest run began in the future: the clock was wrong then, or is now",
        "check this machine's clock; what was synced meanwhile looks fresher than it is",
    ),
    Code.FILE_OWNER: Entry(
        WARNING, "a file of ours belongs to another user", "sudo chown {user} {path}"
    ),
    Code.FILE_MODE: Entry(WARNING, "others may use a file of ours", "chmod {mode} {path}"),
    Code.DATABASE_ALIAS: Entry(
        ERROR,
        "the database has several paths, each with a lock of its own",
        "{hint}",
        Area.DATABASE,
    ),
    Code.FILE_SYSTEM: Entry(
        ERROR,
        "SQLite's log is not safe on this file system",
        "put TESTIO_DB_PATH on a local disk",
        Area.DATABASE,
    ),
    Code.NO_FOLDER: Entry(
        ERROR,
        "the database's folder is missing and cannot be made",
        "make the folder for this user, or change TESTIO_DB_PATH",
        Area.DATABASE,
    ),
    Code.READ_ONLY: Entry(
        ERROR,
        "this user may not write the database, or its folder",
        "run as the user it belongs to, or change TESTIO_DB_PATH",
        Area.DATABASE,
    ),
    Code.SCHEMA_NEWER: Entry(
        ERROR,
        "a newer version of this program made the database",
        "upgrade this program, or put the backup <database>.schema-….bak back",
        Area.DATABASE,
    ),
    Code.SCHEMA_OLDER: Entry(
        INFORMATION,
        "an older version of this program made the database",
        "nothing to do: the next start or sync backs the file up and migrates it",
    ),
    Code.LOOSE_REFERENCES: Entry(
        ERROR,
        "rows of the database refer to rows that are not there",
        "testio-sync sync --nuke",
        Area.DATABASE,
    ),
    Code.NOT_CHECKED_WHOLE: Entry(
        WARNING,
        "the database is too large to be checked whole in the time given",
        "check all of it: testio-sync check --thorough",
    ),
    Code.OLDER_COPIES: Entry(
        WARNING,
        "copies of the database hold passwords of test environments, as earlier versions did",
        "delete them, and backups and exports elsewhere that are as old",
    ),
    Code.OTHER_ADDRESS: Entry(
        ERROR,
        "the database mirrors another address than the configured one",
        "use another TESTIO_DB_PATH for another account, or the URL that is mirrored",
        Area.CONFIGURATION,
    ),
}

DAEMON: Mapping[Code, Entry] = {
    Code.GAVE_UP: Entry(
        ERROR,
        "the daemon gives up, since its parts crash again and again",
        f"read its log, then start it again: {RUN}",
    ),
    Code.DAEMON_KILLED: Entry(
        WARNING,
        "the daemon was killed, so nothing is refreshed any more",
        f"{RUN}; the system's log may say what killed it",
    ),
    Code.DAEMON_SILENT: Entry(
        ERROR,
        "the daemon holds the writer lock and does not answer",
        f"look again; if it stays so: {STOP}, then {RUN}; nothing that was written is lost",
    ),
    Code.SOCKET_BLOCKED: Entry(
        ERROR,
        "something that is no socket stands where the daemon's socket has to be",
        "move {path} away, or set TESTIO_SOCKET_PATH",
    ),
    Code.SOCKET_MISSING: Entry(
        ERROR,
        "the daemon runs, and its socket is not there, or nobody listens on it",
        f"look again, it makes its socket again within seconds; if it stays so: {STOP}, then {RUN}",
    ),
    Code.OTHER_VERSION: Entry(
        WARNING,
        "the daemon is of another version than this program",
        f"start it again: {STOP}, then {RUN}",
    ),
    Code.DAEMON_ELSEWHERE: Entry(
        WARNING,
        "a process on another machine, or in another container, writes to the database",
        "ask there; one database belongs on one machine's local disk",
    ),
    Code.DAEMON_HIDDEN: Entry(
        WARNING,
        "whether a daemon runs is not known: this user may not look",
        "ask as that user: sudo -u {user} testio-sync health",
    ),
    Code.DAEMON_STARTING: Entry(
        INFORMATION, "the daemon has just begun and does not answer yet", "look again in a moment"
    ),
    Code.ACTOR_MISSING: Entry(
        ERROR,
        "a part of the daemon is missing, since no thread could be started",
        "raise the limit of processes (ulimit -u, TasksMax of a service); it is tried again every "
        "other second",
    ),
    Code.ACTOR_SILENT: Entry(
        ERROR, "a part of the daemon does not answer", f"{STOP}, then {RUN}; nothing is lost"
    ),
    Code.RUN_STUCK: Entry(
        ERROR, "nothing of the run at work moves any more", f"{STOP}, then {RUN}; nothing is lost"
    ),
    Code.WORKER_QUIET: Entry(
        ERROR,
        "a product has been with a worker for long, and nothing of it was stored",
        "testio-sync cancel; the next run tries it again",
    ),
    Code.MAILBOX_CROWDED: Entry(
        WARNING,
        "many messages wait for a part of the daemon",
        f"look again in a minute; if they grow: {STOP}, then {RUN}",
    ),
    Code.PAUSED: Entry(
        WARNING, "somebody has paused periodic runs", "testio-sync resume starts them again"
    ),
    Code.METRICS_NOT_SERVED: Entry(
        WARNING,
        "the page of metrics is not served",
        "end the program that has {address}, or change TESTIO_METRICS_ADDRESS and start the daemon "
        "again; it is tried again every minute",
    ),
    Code.NO_DAEMON: Entry(
        INFORMATION,
        "no daemon runs, so nothing is refreshed by itself",
        f"start it: {RUN}, or the unit that runs it",
    ),
}

DATABASE: Mapping[Code, Entry] = {
    Code.DATABASE_DAMAGED: Entry(
        ERROR, "the file is no sound database of ours", "testio-sync rebuild", Area.DAMAGE
    ),
    Code.DATABASE_GONE: Entry(
        ERROR,
        "the database was removed, moved away or replaced",
        f"put it back, or a backup of it; {RUN} or {SYNC} makes a new one where none is",
        Area.DATABASE,
    ),
    Code.DATABASE_HIDDEN: Entry(
        WARNING,
        "what is in the database is not known: this user may not look",
        "run as the user it belongs to: sudo -u {user} testio-sync status",
        Area.DATABASE,
    ),
    Code.DATABASE_LOCKED: Entry(
        ERROR,
        "another program holds the database's lock; what is to be written waits",
        "end the program that writes to it{writer}; nothing is lost meanwhile",
        Area.DATABASE,
    ),
    Code.DATABASE: Entry(
        ERROR,
        "the database cannot be used",
        "mend that, or use another TESTIO_DB_PATH",
        Area.DATABASE,
    ),
    Code.DISK_FULL: Entry(
        ERROR,
        "the disk is full, so nothing can be written",
        "make room in {folder}, or move the database: TESTIO_DB_PATH; nothing is lost meanwhile",
        Area.DATABASE,
    ),
    Code.DISK_LOW: Entry(
        WARNING,
        "little room is left; a fresh start takes three times the database for a moment",
        "make room in {folder}, or move the database: TESTIO_DB_PATH",
        Area.DATABASE,
    ),
    Code.JOURNAL_STUCK: Entry(
        ERROR,
        "what happens cannot be written; it waits in memory",
        "look at the disk and the rights of the file; nothing is lost meanwhile",
        Area.DATABASE,
    ),
    Code.LOG_GROWS: Entry(
        WARNING,
        "SQLite's log beside the database grows, because a program has been reading for long",
        "end the program that reads it: fuser {path} names those that have it open",
    ),
    Code.NOTHING_SYNCED: Entry(
        INFORMATION, "there is no mirror yet", f"{SYNC}, or start the daemon: {RUN}"
    ),
}

REMOTE: Mapping[Code, Entry] = {
    Code.UNAUTHORIZED: Entry(
        ERROR,
        "the remote does not accept the token",
        "put a valid token into {place}, then {afterwards}",
        Area.CREDENTIALS,
    ),
    Code.WRONG_ACCOUNT: Entry(
        ERROR,
        "the token belongs to another account than this mirror",
        "use another TESTIO_DB_PATH, or replace the mirror: testio-sync sync --nuke",
        Area.CONFIGURATION,
    ),
    Code.STORAGE: Entry(
        WARNING,
        "the database could not be written at that time",
        f"{NEXT_RUN}; now: {SYNC}; if it stays: testio-sync check",
        Area.DATABASE,
    ),
    Code.CRASHED: Entry(
        WARNING,
        "a part of this program crashed: a bug",
        f"report it with the log's lines; now: {RETRY}",
    ),
    Code.HELD: Entry(
        WARNING,
        "so many rows are missing in the list that it is not believed",
        f"look, then accept or wait: {DELETIONS}",
    ),
    Code.FORBIDDEN: Entry(
        WARNING,
        "the remote does not allow it",
        "have the token (or this address) allowed, or leave the product out with "
        "TESTIO_PRODUCT_IDS",
        Area.CREDENTIALS,
    ),
    Code.REFUSED: Entry(
        WARNING,
        "the remote refused the request",
        f"its own words say why; if they do not help, ask its support; then: {RETRY}",
    ),
    Code.BAD_PAYLOAD: Entry(
        WARNING,
        "the answer is not what the API promises",
        "look whether TESTIO_CUSTOMER_API_BASE_URL (usually https://api.test.io/customer/v2) and "
        "the proxy are right",
    ),
    Code.NEVER_LISTED: Entry(
        WARNING, "the product list was never read, so the products are not known", SYNC
    ),
    Code.NOT_FOUND: Entry(
        WARNING,
        "the remote says that there is no such list",
        "read the product list twice, for a product is gone once two lists lack it: testio-sync "
        "sync --phases products; if it stays, look whether TESTIO_CUSTOMER_API_BASE_URL and "
        "TESTIO_PRODUCT_IDS are right",
    ),
    Code.BAD_ROWS: Entry(WARNING, "some records cannot be used", PROBLEMS, heals=True),
    Code.HOLES: Entry(
        WARNING, "the remote fails on some records, all others were read", PROBLEMS, heals=True
    ),
    Code.SERVER_ERROR: Entry(WARNING, "the remote failed", f"{NEXT_RUN}; now: {RETRY}", heals=True),
    Code.TIMEOUT: Entry(
        WARNING,
        "the remote did not answer in time",
        f"{NEXT_RUN}; if it stays, raise HTTP_TIMEOUT_SECONDS",
        heals=True,
    ),
    Code.CONNECTION_FAILED: Entry(
        WARNING,
        "the remote could not be reached",
        f"{NEXT_RUN}; if it stays, look at the network, TESTIO_CUSTOMER_API_BASE_URL and "
        "TESTIO_PROXY_URL",
        heals=True,
    ),
    Code.RATE_LIMITED: Entry(
        WARNING,
        "the remote asked for fewer requests",
        f"{NEXT_RUN}; if it stays, set TESTIO_REQUESTS_PER_SECOND",
        heals=True,
    ),
    Code.LIST_MOVED: Entry(
        WARNING,
        "the list changed too much while it was read",
        f"{NEXT_RUN}; now: {RETRY}",
        heals=True,
    ),
    Code.UNCONFIRMED: Entry(
        WARNING,
        "rows that the list lacks could not be looked at one by one",
        f"{NEXT_RUN}; now: {RETRY}",
        heals=True,
    ),
    Code.CANCELLED: Entry(
        WARNING,
        "somebody cancelled it, or the daemon was stopped; all that was stored is kept",
        f"{NEXT_RUN} and goes on where this one was; now: {SYNC}",
        heals=True,
    ),
    Code.BREAKER_OPEN: Entry(
        ERROR,
        "all of the remote fails, so that requests are held back",
        "each run tries it again; look whether the network, TESTIO_PROXY_URL or the API is down",
        heals=True,
    ),
}

MIRROR: Mapping[Code, Entry] = {
    Code.FAILING: Entry(
        WARNING, "a list does not come out complete, for a reason of another version", PROBLEMS
    ),
    Code.NOT_LISTED: Entry(
        ERROR,
        "a product is to be mirrored, and the account's list does not have it",
        "correct TESTIO_PRODUCT_IDS; a daemon takes it up with testio-sync reload, from its "
        "environment at its next start",
        Area.CONFIGURATION,
    ),
    Code.NEVER_FETCHED: Entry(ERROR, "a list has not been read yet", SYNC),
    Code.STALE: Entry(ERROR, "a list was not refreshed for too long", SYNC),
    Code.INCOMPLETE: Entry(ERROR, "a list was not read completely for too long", f"{SYNC} --force"),
    Code.UNREADABLE_RECORDS: Entry(
        WARNING, "records cannot be read; all others are up to date", PROBLEMS
    ),
    Code.RUN_INTERRUPTED: Entry(
        WARNING,
        "its process was killed before the run ended; all that was stored is kept",
        f"{NEXT_RUN} and goes on where this one was; now: {SYNC}",
        heals=True,
    ),
    Code.LAST_RUN: Entry(
        WARNING,
        "the last run did not come out complete",
        "{look}; all of it: testio-sync runs show {run}",
    ),
}

USUAL_URL = "usually TESTIO_CUSTOMER_API_BASE_URL is https://api.test.io/customer/v2"
TRY_LATER = "try again in a few minutes"
TRY_NETWORK = "check the network, TESTIO_CUSTOMER_API_BASE_URL and TESTIO_PROXY_URL"
WHEN_ASKED: Mapping[Code, str] = {
    Code.NOT_FOUND: USUAL_URL,
    Code.REFUSED: f"its own words say why; {USUAL_URL}",
    Code.BAD_PAYLOAD: USUAL_URL,
    Code.RATE_LIMITED: TRY_LATER,
    Code.SERVER_ERROR: TRY_LATER,
    Code.TIMEOUT: TRY_NETWORK,
    Code.CONNECTION_FAILED: TRY_NETWORK,
    Code.FORBIDDEN: "use a token that may read the Customer API; a gatekeeper may also refuse this "
    "machine's address",
}
"""What to do instead for somebody who asks the remote just now, where no run is to try again."""
