"""Where the log of this process goes, so that `testio-sync logs` finds it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from control.views import DaemonView, LogPlace, LogView

CGROUP = Path("/proc/self/cgroup")


def log_place(file: Path | None, *, descriptor: int | None = None) -> LogView:
    """The place: LOG_FILE, else what stderr is connected to. Never raises."""
    if file is not None:
        return LogView(place=LogPlace.FILE, name=str(file.absolute()))
    try:
        number = sys.__stderr__.fileno() if descriptor is None else descriptor  # type: ignore[union-attr]
        return _of_descriptor(number, os.fstat(number), os.environ)
    except (OSError, AttributeError, ValueError):
        return LogView(place=LogPlace.NOWHERE)


def with_log(daemon: DaemonView, file: Path | None) -> DaemonView:
    """The daemon with the place of its log as it is now: a reload may change it."""
    return daemon.model_copy(update={"log": log_place(file)})


def _of_descriptor(number: int, info: os.stat_result, environment: Mapping[str, str]) -> LogView:
    if environment.get("JOURNAL_STREAM") == f"{info.st_dev}:{info.st_ino}":
        return journal_of(_read(CGROUP))
    if stat.S_ISREG(info.st_mode):
        return LogView(place=LogPlace.FILE, name=_name_of(number))
    if os.isatty(number):
        return LogView(place=LogPlace.TERMINAL, name=os.ttyname(number))
    if stat.S_ISFIFO(info.st_mode) or stat.S_ISSOCK(info.st_mode):
        return LogView(place=LogPlace.PIPE)
    return LogView(place=LogPlace.NOWHERE, name=_name_of(number))


def journal_of(cgroup: str) -> LogView:
    """The journal with the systemd unit of a process; `cgroup`: the text of /proc/<pid>/cgroup.

    A process outside of a service has no unit.
    """
    for line in cgroup.splitlines():
        parts = line.rpartition(":")[2].split("/")
        services = [part for part in parts if part.endswith(".service")]
        own = [part for part in services if not part.startswith("user@")]
        if own:
            is_users = len(own) < len(services)
            place = LogPlace.USER_JOURNAL if is_users else LogPlace.JOURNAL
            return LogView(place=place, name=own[-1])
    return LogView(place=LogPlace.JOURNAL)


def _name_of(descriptor: int) -> str | None:
    """The path of an open file; None where the system does not tell."""
    try:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return None
    return None if name.endswith(" (deleted)") else name


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
