"""Where the log is: the daemon says it, else the settings, else the last daemon's first event."""

from __future__ import annotations

import os
from pathlib import Path

from cli.common import control_of
from config.settings import Settings
from control.errors import ControlError, NoDaemon
from control.views import DaemonView, LogPlace, LogView
from rules.run.events import EventName
from storage.engine import readonly
from storage.engine.errors import StorageError


class NoLog(Exception):
    """There is no log that can be read; the text says where it goes and what to do."""


def find_log(settings: Settings) -> LogView:
    """The place to read. Raises NoLog, and NoDaemon where none runs and nothing tells of one."""
    daemon = _daemon(settings)
    if daemon is not None:
        return _of_daemon(daemon)
    if settings.log_file is not None:
        return LogView(place=LogPlace.FILE, name=str(settings.log_file.absolute()))
    last = _last_known(settings)
    if last is not None and last.place in (LogPlace.JOURNAL, LogPlace.USER_JOURNAL) and last.name:
        return last
    if last is not None and last.place is LogPlace.FILE and Path(last.name or "").is_file():
        return last
    went = f"; the last one logged to: {last}" if last is not None else ""
    raise NoDaemon(
        f"no daemon runs on {settings.db_path}{went}; name its log with LOG_FILE, "
        "or start one with `testio-sync run 2> daemon.log`"
    )


def _daemon(settings: Settings) -> DaemonView | None:
    try:
        return control_of(settings, timeout=2.0).status().daemon
    except (NoDaemon, ControlError):
        return None


def _of_daemon(daemon: DaemonView) -> LogView:
    place = daemon.log or LogView(place=LogPlace.NOWHERE)
    match place.place:
        case LogPlace.FILE:
            return _file_of(daemon, place)
        case LogPlace.JOURNAL if place.name is None:
            return LogView(place=LogPlace.JOURNAL, name=f"_PID={daemon.pid}")
        case LogPlace.JOURNAL | LogPlace.USER_JOURNAL:
            return place
        case LogPlace.TERMINAL:
            went = f"to the terminal {place.name or ''}".rstrip()
        case LogPlace.PIPE:
            went = "into a pipe, to whichever program started it"
        case _:
            went = "nowhere that it can be read"
    raise NoLog(
        f"the log of the daemon with pid {daemon.pid} goes {went}; "
        "start it with LOG_FILE=daemon.log or `testio-sync run 2> daemon.log` to read it here"
    )


def _file_of(daemon: DaemonView, place: LogView) -> LogView:
    """The file by its name; one that was renamed under a daemon's stderr, by where it is now."""
    if place.name is not None and os.path.exists(place.name):
        return place
    now = _stderr_of(daemon.pid)
    if now is None and place.name is None:
        raise NoLog(f"the log of the daemon with pid {daemon.pid} goes to a file that was removed")
    return LogView(place=LogPlace.FILE, name=now or place.name)


def _stderr_of(pid: int) -> str | None:
    try:
        name = os.readlink(f"/proc/{pid}/fd/2")
    except OSError:
        return None
    return name if os.path.isfile(name) else None


def _last_known(settings: Settings) -> LogView | None:
    """What the daemon that ran last wrote down at its start."""
    try:
        with readonly.open_readonly(settings.db_path) as connection:
            row = connection.execute(
                "SELECT json_extract(detail, '$.log') AS log FROM sync_events"
                " WHERE event = ? ORDER BY id DESC LIMIT 1",
                (EventName.DAEMON_STARTED.value,),
            ).fetchone()
        return None if row is None or row["log"] is None else LogView.of_text(row["log"])
    except (StorageError, ValueError):
        return None
