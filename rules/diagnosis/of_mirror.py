"""What is wrong with what was mirrored: lists that fail, are missing or too old, and runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import groupby
from math import inf

from rules.diagnosis.catalogue import CATALOGUE, code_of, entry_of, found, urgency
from rules.diagnosis.codes import Code
from rules.diagnosis.entries import LOOK, SYNC
from rules.diagnosis.findings import Finding, Severity
from rules.diagnosis.limits import Limits
from rules.diagnosis.lists import (
    OF_RECORDS,
    OF_THE_ACCOUNT,
    OF_THE_REMOTE,
    Listings,
    Lists,
    breaker_seconds,
    fails_with,
    sorted_out,
)
from rules.diagnosis.observations import (
    NAMED,
    LastRun,
    ListingSeen,
    Observations,
    Presence,
    named,
)
from rules.diagnosis.of_daemon import before
from rules.model import PRODUCT_LIST, ErrorKind, RunStatus
from rules.text.wording import counted

OF_FAILING = frozenset(
    {
        *(Code(kind.value) for kind in ErrorKind),
        Code.FAILING,
        Code.BREAKER_OPEN,
        Code.UNREADABLE_RECORDS,
    }
)
"""The codes of lists that fail."""
KEPT_ONE_BY_ONE = 100
"""Of the unusable records of a list; one entry more says how many there are."""
CLOCK_SECONDS = 300.0
"""How far a time may lie in the future: clocks are put right by a little, too."""
FUTURE = "it was read in the future, by a clock that was wrong"
ENDED = {
    RunStatus.FAILED: "failed",
    RunStatus.PARTIAL: "came out partial",
    RunStatus.INTERRUPTED: "was interrupted",
}
"""The ends that are told. A cancelled run was ended by a person, and says nothing of the remote."""


def mirror_findings(seen: Observations, limits: Limits) -> Iterator[Finding]:
    """All of it. What fails is not told again as missing, old or full of gaps."""
    lists = sorted_out(seen, limits)
    told = [
        *_breaker(seen, lists, limits),
        *_failures(seen, lists, limits),
        *_deletions(seen, limits),
    ]
    told += [*_not_listed(seen), *_records(lists), *_ages(seen, lists, limits)]
    yield from told
    yield from _runs(seen, lists, {finding.code for finding in told})


# -- what fails --------------------------------------------------------------------------------


def _breaker(seen: Observations, lists: Lists, limits: Limits) -> Iterator[Finding]:
    seconds, state = breaker_seconds(seen), seen.daemon.state
    if state is None or seconds <= limits.breaker_seconds:
        return
    waiting = f", and {named(lists.cut_off)} cannot be read" if lists.cut_off else ""
    message, since = f"all of the remote fails{waiting}", before(seen.now, seconds)
    yield found(Code.BREAKER_OPEN, "the remote", message, why=state.last_failure, since=since)


def _failures(seen: Observations, lists: Lists, limits: Limits) -> Iterator[Finding]:
    """A finding for each type of failure; what it keeps from being read is told with it."""
    if lists.causes:
        yield _failure(seen, lists.causes, lists.not_asked, limits)
    pending = seen.mirror.pending_sets > 0
    in_kinds = sorted(lists.failing, key=_kind)
    for kind, group in groupby(in_kinds, key=_kind):
        if not (pending and kind == ErrorKind.HELD):
            yield _failure(seen, list(group), [], limits)


def _kind(listing: ListingSeen) -> str:
    return listing.error_kind or ""


def _failure(seen: Observations, failing: Listings, not_asked: Listings, limits: Limits) -> Finding:
    kind, errors = failing[0].error_kind, {each.error for each in failing if each.error}
    entry = entry_of(kind)
    first = failing[0]
    is_clear = len(errors) == 1 or first.product_id == PRODUCT_LIST or bool(not_asked)
    why = first.error if is_clear else entry.cause if entry else ""
    waiting = f", and {named(not_asked)} not asked since" if not_asked else ""
    too_old = any(is_too_old(each, seen.now, limits) for each in (*failing, *not_asked))
    code = code_of(kind)
    return found(
        code,
        named(failing),
        f"{named(failing)} not complete{waiting}",
        why=why or "for several reasons",
        since=min((each.failing_since for each in failing if each.failing_since), default=None),
        severity=Severity.ERROR if too_old else CATALOGUE[code].severity,
        place=seen.token or "its place",
        afterwards=taken_up(seen.daemon.presence, seen.token),
    )


IN_THE_ENVIRONMENT = "TESTIO_CUSTOMER_API_TOKEN (from the environment)"


def taken_up(presence: Presence, token: str | None) -> str:
    """What to do once a new token is in its place: an environment is read at the start alone."""
    if presence is not Presence.ANSWERS:
        return SYNC
    if token == IN_THE_ENVIRONMENT:
        return "testio-sync stop and testio-sync run"
    return "testio-sync reload and testio-sync sync"


def _deletions(seen: Observations, limits: Limits) -> Iterator[Finding]:
    if seen.mirror.pending_sets:
        held = [e for e in seen.mirror.listings if fails_with(e, {ErrorKind.HELD.value})]
        since = min((each.failing_since for each in held if each.failing_since), default=None)
        message = f"{counted(seen.mirror.pending_sets, 'set')} of deletions held back"
        too_old = any(is_too_old(each, seen.now, limits) for each in held)
        severity = Severity.ERROR if too_old else None
        yield found(Code.HELD, "deletions", message, since=since, severity=severity)


def _not_listed(seen: Observations) -> Iterator[Finding]:
    """What is to be mirrored and is not in the account: no run can read it."""
    if ids := seen.mirror.unlisted:
        word = "product" if len(ids) == 1 else "products"
        more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
        subject = f"{word} {', '.join(map(str, ids[:NAMED]))}{more}"
        message = f"{subject} of TESTIO_PRODUCT_IDS not in the account's list"
        yield found(Code.NOT_LISTED, subject, message)


def _records(lists: Lists) -> Iterator[Finding]:
    """Records that cannot be read keep a list from being complete; nobody here can mend them."""
    gaps = [e for e in (*lists.of_records, *lists.calm) if e.unusable and e.current_as_of]
    if not gaps and not lists.of_records:
        return
    told = gaps or lists.of_records
    records = sum(each.unusable for each in told)
    least = "at least " if any(each.unusable > KEPT_ONE_BY_ONE for each in told) else ""
    message = f"{least}{counted(records, 'record')} of {named(told)} cannot be read"
    errors = {each.error for each in told if each.error}
    why = (told[0].error or "") if len(errors) == 1 else ""
    since = min((each.failing_since for each in told if each.failing_since), default=None)
    yield found(Code.UNREADABLE_RECORDS, named(told), message, why=why, since=since)


# -- what is missing or old --------------------------------------------------------------------


def _age(as_of: datetime, now: datetime) -> float:
    """In seconds; what was read in the future was read by a clock that was wrong: nobody knows."""
    age = (now - as_of).total_seconds()
    return age if age > -CLOCK_SECONDS else inf


def is_stale(listing: ListingSeen, now: datetime, limits: Limits) -> bool:
    """Whether what was read last is too old, or nothing was read in all that time."""
    if listing.current_as_of is None:
        return (now - listing.known_since).total_seconds() > limits.current_seconds
    return _age(listing.current_as_of, now) > limits.current_seconds


def is_incomplete(listing: ListingSeen, now: datetime, limits: Limits) -> bool:
    """Whether it was not read completely for too long; records that cannot be read, which nobody
    here can mend, are told of by themselves."""
    if listing.current_as_of is None or listing.unusable:
        return False
    return _age(listing.complete_as_of or listing.known_since, now) > limits.complete_seconds


def trouble_of(listing: ListingSeen, now: datetime, limits: Limits) -> tuple[int, int, str]:
    """A key that sorts lists by trouble: failing ones, unknown ones, gaps, stale ones, good."""
    if listing.failing_since is not None:
        return 0, urgency(listing.error_kind), listing.failing_since.isoformat()
    is_unknown = listing.complete_as_of is None
    ranks = (is_unknown, listing.unusable > 0, is_too_old(listing, now, limits), True)
    return 1 + ranks.index(True), 0, ""


def is_too_old(listing: ListingSeen, now: datetime, limits: Limits) -> bool:
    """Whether it was not refreshed, or not read completely, for too long."""
    return is_stale(listing, now, limits) or is_incomplete(listing, now, limits)


def _ages(seen: Observations, lists: Lists, limits: Limits) -> Iterator[Finding]:
    """One finding a code, however many lists: the oldest stands for all."""
    now = seen.now
    readable = [*lists.calm, *lists.of_records]
    never = [each for each in readable if each.current_as_of is None]
    known = [each for each in readable if each.current_as_of is not None]
    late = [each for each in never if is_stale(each, now, limits)]
    yield from _aged(Code.NEVER_FETCHED, late, "not fetched at all", "known_since", now)
    if not late:
        yield from _not_yet(Code.NEVER_FETCHED, never, "not fetched yet")
    stale = [each for each in known if is_stale(each, now, limits)]
    yield from _aged(Code.STALE, stale, "not refreshed", "current_as_of", now)
    told = {id(each) for each in stale if _age(each.current_as_of or now, now) == inf}
    late = [e for e in known if is_incomplete(e, now, limits) and id(e) not in told]
    yield from _aged(Code.INCOMPLETE, late, "not read completely", "complete_as_of", now)
    if not late:
        partly = [each for each in known if each.complete_as_of is None and not each.unusable]
        yield from _not_yet(Code.INCOMPLETE, partly, "not read completely yet")


def _not_yet(code: Code, listings: Listings, words: str) -> Iterator[Finding]:
    """What a first run has not come to: nothing is wrong so far."""
    if listings:
        message, severity = f"{named(listings)} {words}", Severity.INFORMATION
        yield found(code, named(listings), message, severity=severity)


def _aged(
    code: Code, listings: Listings, words: str, column: str, now: datetime
) -> Iterator[Finding]:
    if not listings:
        return
    times = [getattr(each, column) or each.known_since for each in listings]
    is_known = all(_age(time, now) != inf for time in times)
    yield found(
        code,
        named(listings),
        f"{named(listings)} {words}",
        why="" if is_known else FUTURE,
        since=min(times) if is_known else None,
    )


# -- runs --------------------------------------------------------------------------------------


def _runs(seen: Observations, lists: Lists, told: Collection[Code]) -> Iterator[Finding]:
    run = seen.mirror.unfinished_run
    if run is not None and not seen.daemon.works:
        yield found(Code.RUN_INTERRUPTED, f"run {run}", f"run {run} was killed")
    last = seen.mirror.last_run
    if last is not None and last.status in ENDED and not _is_told(last, lists, told):
        yield _last_run(last)


def _is_told(last: LastRun, lists: Lists, told: Collection[Code]) -> bool:
    """Whether the lists that fail say already what the run met."""
    return bool(last.problems) and all(_is_known(kind, lists, told) for kind in last.problems)


def _is_known(kind: str, lists: Lists, told: Collection[Code]) -> bool:
    if kind in OF_RECORDS:
        return Code.UNREADABLE_RECORDS in told
    follows = bool(lists.causes) and kind in (ErrorKind.NEVER_LISTED, ErrorKind.NOT_FOUND)
    breaks = Code.BREAKER_OPEN in told and kind in OF_THE_REMOTE
    is_unlisted = Code.NOT_LISTED in told and kind == ErrorKind.NOT_FOUND
    return follows or breaks or is_unlisted or code_of(kind) in told


def _last_run(last: LastRun) -> Finding:
    kinds = sorted(last.problems, key=urgency)
    entry = entry_of(kinds[0]) if kinds else None
    if last.status is RunStatus.INTERRUPTED:
        entry = CATALOGUE[Code.RUN_INTERRUPTED]
    total = sum(last.problems.values())
    count = f" ({counted(total, 'problem')})" if total > 1 else ""
    for_a_person = last.status is RunStatus.FAILED and not OF_THE_ACCOUNT.isdisjoint(kinds)
    return found(
        Code.LAST_RUN,
        f"run {last.run_id}",
        f"run {last.run_id} {ENDED[last.status]}{count}",
        why=entry.cause if entry else "",
        severity=Severity.ERROR if for_a_person else None,
        look=entry.action_with() if entry else LOOK,
        run=last.run_id,
    )
