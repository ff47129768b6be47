"""Looks an installation over, from the configuration to the clock. Changes nothing.

Works beside a daemon and without one; the writer lock is read, never taken.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from config.problems import NOWHERE, SettingsError
from config.settings import Settings
from config.token import find_token
from control.paths import socket_path
from rules.diagnosis.catalogue import found
from rules.diagnosis.codes import Code
from rules.diagnosis.entries import INIT
from rules.diagnosis.findings import Area, Finding, Fine, Severity, first_at_fault
from rules.diagnosis.observations import Presence
from rules.diagnosis.of_machine import (
    Looked,
    judge_clock,
    judge_database,
    judge_disk,
    judge_file,
    judge_newest_run,
    judge_python,
    judge_remote,
    judge_sqlite,
)
from rules.diagnosis.of_mirror import taken_up
from service.checkup.files_check import files_seen, log_file_flaw
from service.checkup.remote_check import ask_remote
from service.exit_status import ExitStatus
from service.monitoring.disk_look import disk_seen
from service.monitoring.outside import Look, look
from storage.engine.lock_holder import lock_path, present_holder, read_holder
from storage.engine.place import alias_flaw
from storage.engine.revision import REVISION
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


def exit_status(looked: Iterable[Looked], *, deny_warnings: bool) -> ExitStatus:
    """The status that the findings come to."""
    findings = [each for each in looked if isinstance(each, Finding)]
    area = first_at_fault(findings)
    if area is not None:
        return STATUSES[area]
    warned = any(finding.severity is Severity.WARNING for finding in findings)
    return ExitStatus.PARTIAL if deny_warnings and warned else ExitStatus.DONE


def database_flaw(path: Path) -> str | None:
    """Why no mirror can be at this path, at a glance; None if one can."""
    seen = inspect_database(path, thorough=False, seconds=0.0)
    found = (each for each in judge_database(seen, REVISION) if isinstance(each, Finding))
    errors = (finding for finding in found if finding.severity is Severity.ERROR)
    return next((f"{finding.message}; {finding.action}" for finding in errors), None)


def examine(wanted: Examination) -> Iterator[Looked]:
    """One thing after another, as they are looked at; what two of them find is told once."""
    told: set[tuple[Code, str]] = set()
    for looked in _everything(wanted):
        if isinstance(looked, Fine):
            yield looked
            continue
        what = looked.code, looked.subject
        if what not in told or looked.code in SEVERAL:
            told.add(what)
            yield looked


SEVERAL = frozenset({Code.CONFIGURATION, Code.SETTING_UNKNOWN, Code.FILE_OWNER, Code.FILE_MODE})
"""What there may be several of, all of one subject."""


def _everything(wanted: Examination) -> Iterator[Looked]:
    yield judge_python(sys.version_info[:3])
    yield judge_sqlite(sqlite3.sqlite_version_info)
    try:
        settings = wanted.load()
    except SettingsError as problems:
        yield from _problems(problems)
        return
    yield from _configuration(settings, wanted.config)
    seen = look(settings, leave_no_trace=True)
    yield from _remote(settings, seen.presence, offline=wanted.offline)
    yield from _files(settings, wanted.config)
    yield from _database(settings, thorough=wanted.thorough)
    yield from _diagnosis(settings, seen)


def _problems(problems: SettingsError) -> Iterator[Finding]:
    for problem in problems.problems:
        value = "" if problem.shown is None else f" = {problem.shown}"
        message = f"{problem.name}{value} ({problem.place}): expected {problem.expected}"
        hint = problem.hint or (INIT if problem.source == NOWHERE else "change it there")
        yield found(Code.CONFIGURATION, "configuration", message, hint=hint)


def _configuration(settings: Settings, config: Path) -> Iterator[Looked]:
    there = os.path.lexists(config)
    where = str(config) if there else f"no file ({config} is not there)"
    yield Fine(subject="configuration", message=where)
    for near in settings.warnings:
        message = f"{near.name} (from {near.source}) is no setting"
        yield found(Code.SETTING_UNKNOWN, "configuration", message, hint=near.hint or "")
    flaw = log_file_flaw(settings.log_file)
    if flaw is not None:
        yield found(Code.LOG_FILE, "log file", flaw)


def _remote(settings: Settings, presence: Presence, *, offline: bool) -> Iterator[Looked]:
    try:
        where, token = find_token(settings)
    except SettingsError as problems:
        yield from _problems(problems)
        return
    yield Fine(subject="token", message=f"found: {where}")
    if not offline:
        seen = ask_remote(settings, token)
        yield judge_remote(seen, where, afterwards=taken_up(presence, where))
        yield from judge_clock(seen.ahead_seconds)


def _files(settings: Settings, config: Path) -> Iterator[Looked]:
    control = socket_path(settings.db_path, settings.socket_path)
    files = list(files_seen(settings, config, control))
    flaws: list[Looked] = [flaw for file in files if (flaw := judge_file(file)) is not None]
    private = Fine(subject="file modes", message="nobody else can use what is private")
    yield from flaws or [private]
    if (alias := alias_flaw(settings.db_path)) is not None:
        message, hint = alias
        yield found(Code.DATABASE_ALIAS, "database file", message, hint=hint)
    try:
        yield from judge_disk(disk_seen(settings.db_path, closely=True))
    except OSError as failure:
        message = f"the folder of {settings.db_path} cannot be used: {failure.strerror}"
        yield found(Code.NO_FOLDER, "disk space", message)


def _database(settings: Settings, *, thorough: bool) -> Iterator[Looked]:
    seen = inspect_database(settings.db_path, thorough=thorough, seconds=CHECK_SECONDS)
    yield from judge_database(seen, REVISION)
    yield from judge_newest_run(seen.newest_run_at, datetime.now(UTC))
    if seen.base_url not in (None, settings.base_url):
        message = f"it mirrors {seen.base_url}, but the configured URL is {settings.base_url}"
        yield found(Code.OTHER_ADDRESS, "account", message)


def _diagnosis(settings: Settings, seen: Look) -> Iterator[Looked]:
    """What every other command says of the daemon and the mirror."""
    if seen.presence not in (Presence.ELSEWHERE, Presence.HIDDEN):
        yield Fine(subject="writer lock", message=_lock_text(settings.db_path))
    if seen.daemon is not None:
        yield Fine(subject="daemon", message=f"pid {seen.daemon.pid} answers")
    yield from seen.findings


def _lock_text(database: Path) -> str:
    holder, present = read_holder(lock_path(database)), present_holder(lock_path(database))
    if present is not None:
        return f"held by the {present}"
    if holder is None or holder.is_released:
        return "free"
    return f"left by the {holder}, which was killed; the next start takes it over"
