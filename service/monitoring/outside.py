"""The diagnosis as any command has it: the daemon's own where it answers, else one from outside.

Apart from the daemon's own look, so that the command line loads no actors.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from config.settings import Settings
from config.version import program_version
from control.client import ControlClient
from control.errors import ControlError, NoDaemon, OtherDaemon, SilentDaemon
from control.paths import is_blocked
from control.views import DaemonView, HealthReply
from rules.diagnosis.catalogue import rank
from rules.diagnosis.diagnose import Diagnosis, diagnose
from rules.diagnosis.observations import Access, DaemonSeen, MirrorSeen, Observations, Presence
from rules.diagnosis.of_daemon import other_version
from service.daemon_address import control_of, hidden_place
from service.monitoring.disk_look import disk_of, token_place
from service.monitoring.health_report import reply_of
from service.monitoring.mirror_look import limits_of, look_into
from storage.engine.lock_holder import Holder, Role, lock_path, present_holder, read_holder
from storage.engine.place import owner_of
from storage.engine.times import as_instant

ANSWER_SECONDS = 5.0
STARTS_WITHIN = timedelta(seconds=60)
"""A daemon that has just taken the lock and does not answer yet is starting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a command knows. `daemon`: who answered; None: nobody did."""

    at: datetime
    presence: Presence
    findings: Diagnosis
    daemon: DaemonView | None = None

    def as_reply(self, settings: Settings) -> HealthReply:
        """The same as `GET /v1/health` would answer it."""
        return reply_of(self.findings, settings, self.at, self.daemon)


def look(
    settings: Settings, *, timeout: float = ANSWER_SECONDS, leave_no_trace: bool = False
) -> Look:
    """What is wrong, as far as this process may know. Never raises.

    `leave_no_trace`: not even SQLite's log is made beside the database to read it.
    """
    control = control_of(settings, timeout=timeout)
    presence: Presence | None
    note = ""
    try:
        reply = control.health()
    except SilentDaemon:
        presence = Presence.SILENT
    except OtherDaemon as error:
        presence, note = _of_another(settings, control), str(error)
    except NoDaemon:
        presence = None
    except ControlError:  # it answers, in words of another version
        presence = Presence.OTHER_VERSION
    else:
        return _of_daemon(reply)
    daemon = replace(_daemon_seen(settings, control, presence, datetime.now(UTC)), note=note)
    return _from_outside(settings, daemon, leave_no_trace=leave_no_trace)


def _of_daemon(reply: HealthReply) -> Look:
    """The daemon's own diagnosis, and what it cannot know: that we are of another version."""
    findings = list(reply.findings)
    if reply.daemon is not None and reply.daemon.version != program_version():
        findings.append(other_version(reply.daemon.version, program_version()))
    return Look(
        at=reply.at,
        presence=Presence.ANSWERS,
        findings=tuple(sorted(findings, key=rank)),
        daemon=reply.daemon,
    )


def _from_outside(settings: Settings, daemon: DaemonSeen, *, leave_no_trace: bool) -> Look:
    now = datetime.now(UTC)
    seen = Observations(
        now=now,
        daemon=daemon,
        mirror=_mirror_seen(settings, leave_no_trace=leave_no_trace),
        disk=disk_of(settings.db_path),
        token=token_place(settings),
    )
    findings = diagnose(seen, limits_of(settings))
    return Look(at=now, presence=daemon.presence, findings=findings)


def _of_another(settings: Settings, control: ControlClient) -> Presence | None:
    """A daemon that refuses us is ours all the same where its database was taken away."""
    present = present_holder(lock_path(settings.db_path))
    is_ours = present is not None and present.socket == str(control.path)
    return Presence.ANSWERS if is_ours else None


# -- the daemon, by its lock and its socket ------------------------------------------------------


def _daemon_seen(
    settings: Settings, control: ControlClient, presence: Presence | None, now: datetime
) -> DaemonSeen:
    lock = lock_path(settings.db_path)
    holder, present = read_holder(lock), present_holder(lock)
    if (holder or present) is None and (hidden := hidden_place(lock, control.path)) is not None:
        return DaemonSeen(
            presence=presence or Presence.HIDDEN, place=str(hidden), owner=owner_of(hidden)
        )
    who = present or holder
    return DaemonSeen(
        presence=presence or _presence(holder, present, now),
        pid=None if who is None else who.pid,
        role=Role.DAEMON if who is None else who.role,
        who="" if who is None else str(who),
        place=str(control.path),
        is_blocked=is_blocked(control.path),
    )


def _presence(holder: Holder | None, present: Holder | None, now: datetime) -> Presence:
    if present is None:
        left = holder is not None and not holder.is_released and holder.role == Role.DAEMON
        return Presence.KILLED if left else Presence.NONE
    if present.host != socket.gethostname():
        return Presence.ELSEWHERE
    if present.role == Role.UNKNOWN:
        return Presence.SILENT
    if present.role != Role.DAEMON:
        return Presence.ONE_SHOT
    return Presence.STARTING if _is_young(present, now) else Presence.SOCKET_MISSING


def _is_young(holder: Holder, now: datetime) -> bool:
    try:
        return timedelta(0) <= now - as_instant(holder.started_at) < STARTS_WITHIN
    except (ValueError, TypeError):  # anybody may have written the file
        return False


# -- the database --------------------------------------------------------------------------------


def _mirror_seen(settings: Settings, *, leave_no_trace: bool) -> MirrorSeen:
    """One that is missing beside a lock file is not new: a mirror was here, and is gone."""
    mirror = look_into(settings, leave_no_trace=leave_no_trace)
    if mirror.access is not Access.MISSING or read_holder(lock_path(settings.db_path)) is None:
        return mirror
    why = f"{mirror.path} is not there any more: it was removed or moved away"
    return replace(mirror, access=Access.GONE, why=why)
