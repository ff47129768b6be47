"""Looks an installation over, from the configuration to the clock. Changes nothing.

Works beside a daemon and without one; the writer lock is read, never taken.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.problems import SettingsError
from config.settings import Settings
from config.token import find_token
from config.version import program_version
from control.errors import ControlError, NoDaemon, SilentDaemon
from control.paths import socket_path
from rules.diagnosis.doctor import (
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
    LockFacts,
    judge_daemon,
    judge_database,
    judge_lock,
)
from rules.diagnosis.findings import Area, Finding, Level, error, first_at_fault, ok, warning
from service.checkup.files_check import file_facts, log_file_flaw, space_facts
from service.checkup.remote_check import ask_remote
from service.daemon_address import control_of
from service.exit_status import ExitStatus
from storage.engine.place import alias_flaw
from storage.engine.revision import REVISION
from storage.engine.writer_lock import lock_path, present_holder, read_holder
from storage.reads.inspection import inspect_database

CHECK_SECONDS = 20.0
STATUSES = {
    Area.CONFIGURATION: ExitStatus.USAGE,
    Area.CREDENTIALS: ExitStatus.CREDENTIALS,
    Area.DAMAGE: ExitStatus.DAMAGED,
    Area.DATABASE: ExitStatus.DATABASE,
    Area.OTHER: ExitStatus.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What to look at. `load` brings the settings; `config` is the file they may come from."""

    load: Callable[[], Settings]
    config: Path
    offline: bool = False
    thorough: bool = False


def exit_status(findings: list[Finding], *, deny_warnings: bool) -> ExitStatus:
    """The status that the findings come to."""
    area = first_at_fault(findings)
    if area is not None:
        return STATUSES[area]
    only_ok = all(finding.level is Level.OK for finding in findings)
    return ExitStatus.PARTIAL if deny_warnings and not only_ok else ExitStatus.DONE


def database_flaw(path: Path) -> str | None:
    """Why no mirror can be at this path, at a glance; None if one can."""
    facts = inspect_database(path, thorough=False, seconds=0.0)
    errors = (f for f in judge_database(facts, REVISION) if f.level is Level.ERROR)
    return next((f"{finding.message}; {finding.remedy}" for finding in errors), None)


def examine(wanted: Examination) -> Iterator[Finding]:
    """One finding after another, as they are made."""
    yield judge_python(sys.version_info[:3])
    yield judge_sqlite(sqlite3.sqlite_version_info)
    try:
        settings = wanted.load()
    except SettingsError as problems:
        yield from _problems(problems)
        return
    yield from _configuration(settings, wanted.config)
    yield from _remote(settings, offline=wanted.offline)
    yield from _files(settings, wanted.config)
    yield from _database(settings, thorough=wanted.thorough)
    yield from _processes(settings)


def _problems(problems: SettingsError) -> Iterator[Finding]:
    for problem in problems.problems:
        value = "" if problem.shown is None else f" = {problem.shown}"
        message = f"{problem.name}{value} (from {problem.source}): expected {problem.expected}"
        remedy = problem.hint or "change it there"
        yield error("configuration", message, remedy, Area.CONFIGURATION)


def _configuration(settings: Settings, config: Path) -> Iterator[Finding]:
    there = os.path.lexists(config)
    yield ok("configuration", str(config) if there else f"no file ({config} is not there)")
    for near in settings.warnings:
        message = f"{near.name} (from {near.source}) is no setting"
        yield warning("configuration", message, near.hint or "")
    flaw = log_file_flaw(settings.log_file)
    if flaw is not None:
        yield error("log file", flaw, "change LOG_FILE", Area.CONFIGURATION)


def _remote(settings: Settings, *, offline: bool) -> Iterator[Finding]:
    try:
        where, token = find_token(settings)
    except SettingsError as problems:
        yield from _problems(problems)
        return
    yield ok("token", f"found: {where}")
    if not offline:
        facts = ask_remote(settings, token)
        yield judge_remote(facts)
        yield from judge_clock(facts.ahead_seconds)


def _files(settings: Settings, config: Path) -> Iterator[Finding]:
    control = socket_path(settings.db_path, settings.socket_path)
    found = list(file_facts(settings, config, control))
    flaws = [flaw for facts in found if (flaw := judge_file(facts)) is not None]
    yield from flaws or [ok("file modes", "nobody else can use what is private")]
    if (alias := alias_flaw(settings.db_path)) is not None:
        yield error("database file", *alias, Area.DATABASE)
    try:
        yield from judge_space(space_facts(settings.db_path))
    except OSError as failure:
        message = f"the folder of {settings.db_path} cannot be used: {failure.strerror}"
        yield error("disk space", message, "change TESTIO_DB_PATH", Area.DATABASE)


def _database(settings: Settings, *, thorough: bool) -> Iterator[Finding]:
    facts = inspect_database(settings.db_path, thorough=thorough, seconds=CHECK_SECONDS)
    yield from judge_database(facts, REVISION)
    yield from judge_newest_run(facts.newest_run_at, datetime.now(UTC))
    if facts.base_url not in (None, settings.base_url):
        message = f"it mirrors {facts.base_url}, but the configured URL is {settings.base_url}"
        remedy = "use another TESTIO_DB_PATH for another account, or the URL that is mirrored"
        yield error("account", message, remedy, Area.CONFIGURATION)


def _processes(settings: Settings) -> Iterator[Finding]:
    lock, daemon = _lock_facts(settings.db_path), _daemon_facts(settings)
    yield judge_lock(lock, daemon)
    yield from judge_daemon(lock, daemon)


def _lock_facts(database: Path) -> LockFacts | None:
    path = lock_path(database)
    holder = read_holder(path)
    try:
        touched = path.stat().st_mtime
    except OSError:
        return None
    if holder is None:
        return None
    is_held = present_holder(path) is not None
    return LockFacts(
        who=str(holder),
        is_daemon=holder.role == "daemon",
        is_released=holder.is_released,
        is_alive=is_held,
        is_elsewhere=is_held and holder.host != socket.gethostname(),
        age_seconds=time.time() - touched,
    )


def _daemon_facts(settings: Settings) -> DaemonFacts:
    try:
        status = control_of(settings, timeout=2.0).status()
    except NoDaemon:
        return DaemonFacts()
    except (SilentDaemon, ControlError):
        return DaemonFacts(silent=True)
    return DaemonFacts(
        answers=True,
        pid=status.daemon.pid,
        version=status.daemon.version,
        our_version=program_version(),
        trouble=status.trouble,
    )
