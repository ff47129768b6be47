"""Judges what `testio-sync check` has looked up in the database, its lock and its daemon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rules.diagnosis.findings import Area, Finding, error, ok, warning

HUNG_SECONDS = 3600.0
"""The daemon touches the lock file every minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """What a reader sees. `unusable`: why it cannot be read at all; `damage`: SQLite's words.

    `is_writable`: the file and its folder, or the folder where it would be made. `finished`:
    whether the check came to its end in the time that it was given. `no_folder`: the folder that
    is missing, and where it cannot be made. `with_passwords`: copies of it in its folder, made by
    versions that stored passwords of test environments.
    """

    path: str
    exists: bool = True
    is_writable: bool = True
    no_folder: tuple[str, str] | None = None
    with_passwords: tuple[str, ...] = ()
    unusable: str | None = None
    revision: str | None = None
    is_empty: bool = False
    damage: tuple[str, ...] = ()
    loose_references: int = 0
    finished: bool = True
    newest_run_at: datetime | None = None
    base_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFacts:
    """Who stands in the lock file. `age_seconds`: since it was last touched."""

    who: str
    is_daemon: bool
    is_released: bool
    is_alive: bool
    is_elsewhere: bool
    age_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonFacts:
    """What the daemon's socket says. `silent`: somebody listens, but does not answer."""

    answers: bool = False
    silent: bool = False
    pid: int = 0
    version: str = ""
    our_version: str = ""
    trouble: str | None = None


def judge_database(facts: DatabaseFacts, known_revision: str) -> list[Finding]:
    """Whether the database is there, whole, and of a schema that this program can use; and what
    of it lies about."""
    return [*_usable(facts, known_revision), *_older_copies(facts)]


def _older_copies(facts: DatabaseFacts) -> list[Finding]:
    if not facts.with_passwords:
        return []
    names = ", ".join(facts.with_passwords)
    message = f"{names}: made by an earlier version, which stored passwords of test environments"
    remedy = "delete them, and backups and exports elsewhere that are as old"
    return [warning("older copies", message, remedy)]


def _usable(facts: DatabaseFacts, known_revision: str) -> list[Finding]:
    if facts.damage:
        message = f"{facts.path} is damaged: {'; '.join(facts.damage)}"
        return [error("database", message, "testio-sync rebuild", Area.DAMAGE)]
    if facts.unusable is not None:
        remedy = "mend that, or use another TESTIO_DB_PATH"
        return [error("database", facts.unusable, remedy, Area.DATABASE)]
    if facts.no_folder is not None:
        folder, above = facts.no_folder
        message = f"there is no folder {folder}, and none can be made in {above}"
        remedy = "make the folder for this user, or change TESTIO_DB_PATH"
        return [error("database", message, remedy, Area.DATABASE)]
    if not facts.is_writable:
        message = f"{facts.path} or its folder cannot be written by this user"
        remedy = "run as the user it belongs to, or change TESTIO_DB_PATH"
        return [error("database", message, remedy, Area.DATABASE)]
    if not facts.exists or facts.is_empty:
        return [ok("database", f"{facts.path} is not there yet; a first sync makes it")]
    return [_integrity(facts), _schema(facts, known_revision)]


def _integrity(facts: DatabaseFacts) -> Finding:
    if facts.loose_references:
        count = facts.loose_references
        message = f"{facts.path} is damaged: {count} rows refer to rows that are not there"
        return error("database", message, "testio-sync sync --nuke", Area.DATABASE)
    if not facts.finished:
        message = f"{facts.path} is too large to be checked whole in the time given"
        return warning("database", message, "check all of it: testio-sync check --thorough")
    return ok("database", f"{facts.path} is whole")


def _schema(facts: DatabaseFacts, known: str) -> Finding:
    if facts.revision is None:
        message = f"{facts.path} is another program's database"
        return error("schema", message, "use another TESTIO_DB_PATH", Area.DATABASE)
    if facts.revision > known:
        message = f"{facts.revision} was made by a newer testio-sync; this one knows up to {known}"
        remedy = "upgrade this program, or put the backup <database>.schema-….bak back"
        return error("schema", message, remedy, Area.DATABASE)
    if facts.revision < known:
        message = f"{facts.revision} is older than this program's {known}"
        remedy = "none is needed: the next start or sync backs the file up and migrates it"
        return warning("schema", message, remedy)
    return ok("schema", facts.revision)


def judge_lock(lock: LockFacts | None, daemon: DaemonFacts) -> Finding:
    """Whether the database can be written by us, or is in good hands."""
    if lock is None or lock.is_released:
        return ok("writer lock", "free")
    if lock.is_elsewhere:
        remedy = "one database belongs on one machine's local disk; stop the other process"
        return warning("writer lock", f"taken on another machine, by the {lock.who}", remedy)
    if not lock.is_alive:
        left = f"left by the {lock.who}, which was killed; the next start takes it over"
        return ok("writer lock", left)
    if lock.is_daemon and not daemon.answers and lock.age_seconds > HUNG_SECONDS:
        minutes = lock.age_seconds // 60
        message = f"held by the {lock.who}, which has shown no life for {minutes:.0f} min"
        return error("writer lock", message, "end that process; its lock goes with it")
    return ok("writer lock", f"held by the {lock.who}")


def judge_daemon(lock: LockFacts | None, daemon: DaemonFacts) -> list[Finding]:
    """Whether the daemon answers, is of this version, and can write."""
    if not daemon.answers:
        return [_no_answer(lock, daemon)]
    found = [ok("daemon", f"pid {daemon.pid} answers")]
    if daemon.version != daemon.our_version:
        message = f"it runs version {daemon.version}, and this program is {daemon.our_version}"
        found.append(warning("daemon", message, "start it again: testio-sync stop, then run"))
    if daemon.trouble is not None:
        message = f"it cannot write: {daemon.trouble}"
        remedy = "see its log; mostly the disk is full"
        found.append(error("daemon", message, remedy, Area.DATABASE))
    return found


def _no_answer(lock: LockFacts | None, daemon: DaemonFacts) -> Finding:
    is_locked = lock is not None and lock.is_daemon and lock.is_alive and not lock.is_released
    if daemon.silent or (is_locked and lock is not None and not lock.is_elsewhere):
        message = "it holds the writer lock, but does not answer on its socket"
        return error("daemon", message, "look into its log, or end it and start it again")
    return ok("daemon", "none runs")
