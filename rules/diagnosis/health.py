"""Whether the mirror is kept as it should be; and if not: what is wrong, where, since when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from math import inf, isinf

from rules.diagnosis.last_run import LastRun
from rules.model import PRODUCT_LIST, Kind
from rules.text.durations import spoken

INTERVALS = 4
"""So many refresh intervals may pass before what was read last is too old."""
RECONCILE_INTERVALS = 2
SILENT_SECONDS = 10.0
"""Actors that never wait answer at once; one that does not for so long is stuck."""
LOGGER_SILENT_SECONDS = 120.0
"""The Logger waits for the database: up to 30 s for another process, and while a fresh start is put
in place for longer."""
QUIET_SECONDS = 1_800.0
"""A worker whose product stores nothing for so long; `Retry-After` alone may take 20 minutes."""
BREAKER_SECONDS = 60.0
WORKERS = "worker-"
"""How their roles begin. One that is missing makes runs longer, and keeps none from succeeding."""
CROWDED = 1_000
"""Messages in a mailbox that are worth a warning; a phase that ends early may tell of as many."""


class Check(StrEnum):
    """What was looked at. The names are public."""

    STALE = "stale"
    INCOMPLETE = "incomplete"
    NEVER_FETCHED = "never_fetched"
    UNREADABLE_RECORDS = "unreadable_records"
    ACTOR_SILENT = "actor_silent"
    ACTOR_MISSING = "actor_missing"
    MAILBOX_CROWDED = "mailbox_crowded"
    WORKER_QUIET = "worker_quiet"
    JOURNAL_STUCK = "journal_stuck"
    DATABASE = "database"
    BREAKER_OPEN = "breaker_open"
    GAVE_UP = "gave_up"
    NO_DAEMON = "no_daemon"
    DAEMON_SILENT = "daemon_silent"
    PAUSED = "paused"
    LAST_RUN = "last_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be. `seconds`: for how long, if that is known."""

    check: Check
    where: str
    message: str
    advice: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingFacts:
    """What is known of one product and kind. `unusable`: records that could not be read.

    `known_since`: from when on it could have been read.
    """

    product_id: int
    kind: Kind
    complete_as_of: datetime | None
    current_as_of: datetime | None
    known_since: datetime
    unusable: int = 0

    @property
    def name(self) -> str:
        """What a person calls it."""
        if self.product_id == PRODUCT_LIST:
            return "the product list"
        return f"{self.kind.value} of product {self.product_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """A worker, what it works on, and for how many seconds nothing of it was stored."""

    role: str
    task: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonState:
    """What only the daemon itself knows. Seconds; `silent` by actor, since its last answer.

    `missing`: roles that nobody could be started for, and why. `paused_seconds` None: periodic
    runs take place. `trouble`: why nothing can be written.
    """

    silent: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    mailboxes: Mapping[str, int] = field(default_factory=dict)
    quiet: Sequence[Quiet] = ()
    gave_up: str | None = None
    trouble: str | None = None
    trouble_seconds: float = 0.0
    breaker_open_seconds: float = 0.0
    last_failure: str = ""
    paused_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How old data may get, in seconds; None: as old as they like. And how quiet a worker."""

    current_seconds: float | None
    complete_seconds: float | None
    quiet_seconds: float = QUIET_SECONDS

    @classmethod
    def of(
        cls, *, interval: float, reconcile: float, max_age: float, request_timeout: float = 0.0
    ) -> Limits:
        """The limits that settings ask for; without periodic runs only a `max_age` asks for any."""
        current = max_age or (INTERVALS * interval if interval else None)
        complete = None if current is None else max(RECONCILE_INTERVALS * reconcile, current)
        return cls(
            current_seconds=current,
            complete_seconds=complete,
            quiet_seconds=QUIET_SECONDS + 4 * request_timeout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that is judged. `daemon` None: no daemon answers, and `absence` says how."""

    now: datetime
    daemon: DaemonState | None
    listings: Sequence[ListingFacts] = ()
    last_run: LastRun | None = None
    database_error: str | None = None
    absence: Finding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthVerdict:
    """Healthy means that there are no reasons against it; warnings are for people."""

    reasons: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether there are no reasons against it."""
        return not self.reasons


def judge(facts: Facts, limits: Limits) -> HealthVerdict:
    """What is wrong, the gravest first."""
    reasons = [] if facts.absence is None else [facts.absence]
    warnings: list[Finding] = []
    if facts.daemon is not None:
        reasons += _broken(facts.daemon, limits)
        warnings += _warnings(facts.daemon)
    if facts.database_error is not None:
        reasons.append(_database(facts.database_error))
    if facts.last_run is not None and facts.last_run.is_trouble:
        found = reasons if facts.last_run.needs_a_person else warnings
        found.append(_last_run(facts.last_run, facts.now))
    reasons += _too_old(facts, limits)
    warnings += _held_up_by_records(facts, limits)
    return HealthVerdict(reasons=tuple(reasons), warnings=tuple(warnings))


def _broken(daemon: DaemonState, limits: Limits) -> Iterator[Finding]:
    if daemon.gave_up is not None:
        yield Finding(
            check=Check.GAVE_UP,
            where="the daemon",
            message=f"it gives up: {daemon.gave_up}",
            advice="read its log; start it again with `testio-sync run`",
        )
    for role, because in daemon.missing.items():
        if not role.startswith(WORKERS):
            yield _missing(role, because)
    for role, seconds in daemon.silent.items():
        if role not in daemon.missing and seconds > (
            LOGGER_SILENT_SECONDS if role == "logger" else SILENT_SECONDS
        ):
            yield _silent(role, seconds, daemon.mailboxes.get(role, 0))
    if daemon.trouble is not None:
        yield Finding(
            check=Check.JOURNAL_STUCK,
            where="the database",
            seconds=daemon.trouble_seconds,
            message=f"what happens cannot be written: {daemon.trouble}",
            advice="make room on the disk, or end the program that locks the database; "
            "nothing is lost meanwhile",
        )
    for quiet in daemon.quiet:
        if quiet.seconds > limits.quiet_seconds:
            yield _quiet(quiet)
    if daemon.breaker_open_seconds > BREAKER_SECONDS:
        yield Finding(
            check=Check.BREAKER_OPEN,
            where="the remote",
            seconds=daemon.breaker_open_seconds,
            message=f"all of it fails: {daemon.last_failure}",
            advice="nothing to do here: each run tries it again; look whether the network, the "
            "proxy or the API is down",
        )


def _missing(role: str, because: str) -> Finding:
    return Finding(
        check=Check.ACTOR_MISSING,
        where=role,
        message=f"there is no {role}: {because}",
        advice="nothing more to do: it is tried again every other second",
    )


def _silent(role: str, seconds: float, waiting: int) -> Finding:
    return Finding(
        check=Check.ACTOR_SILENT,
        where=role,
        seconds=seconds,
        message=f"the {role} has not answered for {spoken(seconds)}; "
        f"{waiting} messages wait for it",
        advice="restart the daemon (`testio-sync stop`, `testio-sync run`); its log may say why",
    )


def _quiet(quiet: Quiet) -> Finding:
    return Finding(
        check=Check.WORKER_QUIET,
        where=quiet.role,
        seconds=quiet.seconds,
        message=f"{quiet.role} has stored nothing of {quiet.task} for {spoken(quiet.seconds)}",
        advice="`testio-sync cancel` ends the run; `testio-sync stop` the daemon",
    )


def _warnings(daemon: DaemonState) -> Iterator[Finding]:
    if daemon.paused_seconds is not None:
        yield Finding(
            check=Check.PAUSED,
            where="the schedule",
            seconds=daemon.paused_seconds,
            message=f"periodic runs have been paused for {spoken(daemon.paused_seconds)}",
            advice="`testio-sync resume` starts them again",
        )
    for role, because in daemon.missing.items():
        if role.startswith(WORKERS):
            yield _missing(role, because)
    for role, waiting in daemon.mailboxes.items():
        if waiting >= CROWDED:
            yield Finding(
                check=Check.MAILBOX_CROWDED,
                where=role,
                message=f"{waiting} messages wait for the {role}",
                advice="look again in a minute; if they grow, restart the daemon",
            )


def _database(error: str) -> Finding:
    return Finding(
        check=Check.DATABASE,
        where="the database",
        message=error,
        advice="if it is locked, end the program that holds it; if it is damaged, "
        "`testio-sync rebuild`",
    )


def _last_run(run: LastRun, now: datetime) -> Finding:
    return Finding(
        check=Check.LAST_RUN,
        where=f"run {run.run_id}",
        seconds=max(0.0, (now - run.ended_at).total_seconds()),
        message=run.message,
        advice=run.action,
    )


def _too_old(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """One finding a check and kind, however many products: the oldest stands for all."""
    never = [each for each in facts.listings if each.current_as_of is None]
    known = [each for each in facts.listings if each.current_as_of is not None]
    whole = [each for each in known if not each.unusable]
    current, complete = limits.current_seconds, limits.complete_seconds
    for check, listings, limit in (
        (Check.NEVER_FETCHED, never, current),
        (Check.STALE, known, current),
        (Check.INCOMPLETE, whole, complete),
    ):
        yield from _by_kind(check, _older(listings, check, limit, facts.now), LOOK)


def _held_up_by_records(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Records that cannot be read keep a list from being complete; nobody here can mend them."""
    readable = [each for each in facts.listings if each.unusable and each.current_as_of is not None]
    aged = _older(readable, Check.UNREADABLE_RECORDS, limits.complete_seconds, facts.now)
    yield from _by_kind(Check.UNREADABLE_RECORDS, aged, RECORDS)


CLOCK_SECONDS = 300.0
"""How far a time may lie in the future: clocks are put right by a little, too."""

Aged = list[tuple[float, ListingFacts]]


def _older(
    listings: Iterable[ListingFacts], check: Check, limit: float | None, now: datetime
) -> Aged:
    """Those beyond the limit with their age in seconds, the oldest first."""
    if limit is None:
        return []
    aged = ((_age(each, check, now), each) for each in listings)
    return sorted((x for x in aged if x[0] > limit), key=lambda x: (-x[0], x[1].product_id))


def _age(listing: ListingFacts, check: Check, now: datetime) -> float:
    as_of = listing.current_as_of if check is Check.STALE else listing.complete_as_of
    if check is Check.NEVER_FETCHED or as_of is None:
        as_of = listing.known_since
    age = (now - as_of).total_seconds()
    # What was read in the future was read by a clock that was wrong: nobody knows how old it is.
    return age if age > -CLOCK_SECONDS else inf


def _long(seconds: float) -> str:
    if isinf(seconds):
        return "an unknown time (it was read in the future, by a clock that was wrong)"
    return spoken(seconds)


def _by_kind(check: Check, aged: Aged, advice: str) -> Iterator[Finding]:
    in_kinds = sorted(aged, key=lambda x: x[1].kind)
    for _, group in groupby(in_kinds, key=lambda x: x[1].kind):
        (seconds, worst), *others = group
        where = worst.name + (f" and {len(others)} more" if others else "")
        yield Finding(
            check=check,
            where=where,
            seconds=None if isinf(seconds) else seconds,
            message=f"{where}: {SAID[check]} for {_long(seconds)}",
            advice=advice,
        )


SAID = {
    Check.NEVER_FETCHED: "not fetched at all",
    Check.STALE: "not refreshed",
    Check.INCOMPLETE: "not read completely",
    Check.UNREADABLE_RECORDS: "not complete, because of records that cannot be read,",
}
LOOK = (
    "`testio-sync status` and `testio-sync problems list` say what fails; "
    "`testio-sync sync` tries it now"
)
RECORDS = "`testio-sync problems list` names them; all others are up to date"
