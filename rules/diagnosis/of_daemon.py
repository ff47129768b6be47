"""What is wrong with the daemon: whether it is there, and whether its parts are well."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from rules.diagnosis.catalogue import found
from rules.diagnosis.codes import Code
from rules.diagnosis.findings import Finding, Severity
from rules.diagnosis.limits import Limits
from rules.diagnosis.observations import DaemonSeen, DaemonState, Observations, Presence

DAEMON = "the daemon"
WORKERS = "worker-"
"""How their roles begin. One that is missing makes runs longer, and keeps none from succeeding."""
LOGGER = "logger"


def daemon_findings(seen: Observations, limits: Limits) -> Iterator[Finding]:
    """All of it."""
    if seen.daemon.is_blocked:
        message = f"{seen.daemon.place} is in the way and is not a socket"
        yield found(Code.SOCKET_BLOCKED, "the socket", message, path=seen.daemon.place)
    absence = ABSENCES.get(seen.daemon.presence)
    is_told = seen.daemon.is_blocked and seen.daemon.presence in WITHOUT_SOCKET
    if absence is not None and not is_told:
        yield absence(seen.daemon)
    if (state := seen.daemon.state) is not None:
        for judge in OF_STATE:
            yield from judge(state, limits, seen.now)


# -- whether it is there -----------------------------------------------------------------------


def _none(seen: DaemonSeen) -> Finding:
    return found(Code.NO_DAEMON, DAEMON, "no daemon runs on this database", why=seen.note)


def _killed(seen: DaemonSeen) -> Finding:
    return found(Code.DAEMON_KILLED, DAEMON, f"the {seen.who}, was killed")


def _silent(seen: DaemonSeen) -> Finding:
    who = DAEMON if seen.pid is None else f"the {seen.role} with pid {seen.pid}"
    return found(Code.DAEMON_SILENT, DAEMON, f"{who} does not answer")


def _socket_missing(seen: DaemonSeen) -> Finding:
    message = f"the daemon with pid {seen.pid} runs, but nobody listens on {seen.place}"
    return found(Code.SOCKET_MISSING, DAEMON, message)


def other_version(its: str, ours: str) -> Finding:
    """It answers, and is of another version than whoever asks."""
    message = f"the daemon runs version {its}, and this program is {ours}"
    return found(Code.OTHER_VERSION, DAEMON, message)


def _strange(seen: DaemonSeen) -> Finding:
    message = f"the daemon behind {seen.place} answers in words of another version"
    return found(Code.OTHER_VERSION, DAEMON, message, severity=Severity.ERROR)


def _elsewhere(seen: DaemonSeen) -> Finding:
    message = f"taken on another machine, by the {seen.who}"
    return found(Code.DAEMON_ELSEWHERE, "the writer lock", message)


def _hidden(seen: DaemonSeen) -> Finding:
    message = f"whether a daemon runs is not known: {seen.place} belongs to {seen.owner}"
    return found(Code.DAEMON_HIDDEN, DAEMON, message, user=seen.owner)


def _starting(seen: DaemonSeen) -> Finding:
    return found(Code.DAEMON_STARTING, DAEMON, f"the daemon with pid {seen.pid} is starting")


ABSENCES: dict[Presence, Callable[[DaemonSeen], Finding]] = {
    Presence.NONE: _none,
    Presence.KILLED: _killed,
    Presence.SILENT: _silent,
    Presence.SOCKET_MISSING: _socket_missing,
    Presence.OTHER_VERSION: _strange,
    Presence.ELSEWHERE: _elsewhere,
    Presence.HIDDEN: _hidden,
    Presence.STARTING: _starting,
}

WITHOUT_SOCKET = (Presence.SOCKET_MISSING, Presence.STARTING)

# -- whether its parts are well ----------------------------------------------------------------


def gave_up(state: DaemonState, _limits: Limits, _now: datetime) -> Iterator[Finding]:
    if state.gave_up is not None:
        yield found(Code.GAVE_UP, DAEMON, "the daemon gives up", why=state.gave_up)


def missing_actors(state: DaemonState, _limits: Limits, _now: datetime) -> Iterator[Finding]:
    for role, because in state.missing.items():
        severity = Severity.WARNING if role.startswith(WORKERS) else None
        yield found(Code.ACTOR_MISSING, role, f"there is no {role}", why=because, severity=severity)


def silent_actors(state: DaemonState, limits: Limits, now: datetime) -> Iterator[Finding]:
    for role, seconds in state.silent.items():
        limit = limits.logger_seconds if role == LOGGER else limits.silent_seconds
        if seconds > limit and role not in state.missing:
            waiting = state.mailboxes.get(role, 0)
            why = f"{waiting} messages wait for it" if waiting else ""
            message = f"the {role} has not answered"
            yield found(Code.ACTOR_SILENT, role, message, why=why, since=before(now, seconds))


def stuck_run(state: DaemonState, limits: Limits, now: datetime) -> Iterator[Finding]:
    """Not while nothing can be written: what waits in memory would be lost by a new process, and
    that would meet the same disk."""
    quiet = state.run_quiet
    if quiet is not None and state.trouble is None and quiet > limits.run_quiet_seconds:
        message = "nothing of the run at work has moved"
        yield found(Code.RUN_STUCK, DAEMON, message, since=before(now, quiet))


def quiet_workers(state: DaemonState, limits: Limits, now: datetime) -> Iterator[Finding]:
    for quiet in state.quiet:
        if quiet.seconds > limits.quiet_seconds:
            message = f"the {quiet.role} has stored nothing of the {quiet.task}"
            since = before(now, quiet.seconds)
            yield found(Code.WORKER_QUIET, quiet.role, message, since=since)


def crowded_mailboxes(state: DaemonState, limits: Limits, _now: datetime) -> Iterator[Finding]:
    for role, waiting in state.mailboxes.items():
        if waiting >= limits.crowded:
            message = f"{waiting:,} messages wait for the {role}"
            yield found(Code.MAILBOX_CROWDED, role, message)


def paused(state: DaemonState, _limits: Limits, now: datetime) -> Iterator[Finding]:
    if state.paused_seconds is not None:
        since = before(now, state.paused_seconds)
        yield found(Code.PAUSED, "periodic runs", "periodic runs have been paused", since=since)


def unserved_metrics(state: DaemonState, _limits: Limits, _now: datetime) -> Iterator[Finding]:
    if state.metrics_flaw is not None:
        address, why = state.metrics_flaw
        message = f"the page of metrics is not served on {address}"
        yield found(Code.METRICS_NOT_SERVED, "the metrics", message, why=why, address=address)


OF_STATE = (
    gave_up,
    missing_actors,
    silent_actors,
    stuck_run,
    quiet_workers,
    crowded_mailboxes,
    paused,
    unserved_metrics,
)


def before(now: datetime, seconds: float) -> datetime:
    """The time so many seconds ago; the earliest there is, for a number that is out of reach."""
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=now.tzinfo)
