"""What of a mirror needs a person, the most urgent first, with the next action named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from rules.diagnosis.advice import DELETIONS, PROBLEMS, SYNC, advice_for, urgency
from rules.model import ErrorKind
from rules.text.wording import counted

UNKNOWN = "unknown"
NAMED = 3
"""Products that are named in one line; of more only the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingState:
    """A product and kind (0: the product list) as `freshness` shows it.

    `error`: the last failure, `<type>: <message>`. `since`: when it began to fail.
    `is_known`: whether it was ever read in full.
    """

    product_id: int
    kind: str
    error: str | None = None
    since: str | None = None
    is_failing: bool = False
    is_known: bool = True
    is_stale: bool = False
    holes: int = 0

    @property
    def error_kind(self) -> str | None:
        """The type of the last failure."""
        return self.error.partition(": ")[0] if self.error else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """One thing that needs a person, or time. `since` is a stored time."""

    what: str
    action: str
    why: str | None = None
    since: str | None = None


def trouble_of(place: ListingState) -> tuple[int, int, str]:
    """A key that sorts places by trouble: failing ones, unknown ones, gaps, stale ones, good."""
    if place.is_failing:
        return 0, urgency(place.error_kind), place.since or ""
    ranks = (not place.is_known, place.holes > 0, place.is_stale, True)
    return 1 + ranks.index(True), 0, ""


def concerns(
    places: Collection[ListingState],
    *,
    held_sets: int = 0,
    cannot_write: str | None = None,
    killed_run: int | None = None,
    silent_daemon: int | None = None,
) -> list[Concern]:
    """Everything that is wrong, each once: what fails is not counted again as stale or a gap.

    `held_sets`: sets of deletions held back. `cannot_write`: why the daemon cannot write.
    `killed_run`: the newest run, if nobody works on it any more and it never ended.
    `silent_daemon`: the pid of a daemon that holds the writer lock and does not answer.
    """
    found = []
    if silent_daemon is not None:
        what = f"the daemon with pid {silent_daemon} does not answer"
        found.append(Concern(what=what, action="look again; if it stays so, end that process"))
    if cannot_write:
        found.append(Concern(what="cannot write", why=cannot_write, action="look at the disk"))
    found += _failures([place for place in places if place.is_failing], held_sets)
    if killed_run is not None:
        found.append(Concern(what=f"run {killed_run} was killed", action=SYNC))
    calm = [place for place in places if not place.is_failing]
    never = [place for place in calm if not place.is_known]
    gaps = sum(place.holes for place in calm if place.is_known)
    stale = [place for place in calm if place.is_stale and place.is_known]
    if never:
        found.append(Concern(what=f"{_lists(never)} not fetched yet", action=SYNC))
    if gaps:
        what = f"{counted(gaps, 'record')} cannot be read"
        found.append(Concern(what=what, action=PROBLEMS))
    if stale:
        found.append(Concern(what=f"{_lists(stale)} stale", action=SYNC))
    return found


def _failures(failing: Sequence[ListingState], held_sets: int) -> list[Concern]:
    """A line for each type of failure, and one for all held deletions, in order of urgency."""
    by_kind = sorted(failing, key=_kind)
    lines = {kind: _failure(kind, list(group)) for kind, group in groupby(by_kind, key=_kind)}
    if held_sets:
        since = lines[ErrorKind.HELD].since if ErrorKind.HELD in lines else None
        what = f"{counted(held_sets, 'set')} of deletions held back"
        lines[ErrorKind.HELD] = Concern(what=what, action=DELETIONS, since=since)
    return [lines[kind] for kind in sorted(lines, key=urgency)]


def _kind(place: ListingState) -> str:
    return place.error_kind or UNKNOWN


def _failure(kind: str, places: Sequence[ListingState]) -> Concern:
    advice = advice_for(kind)
    errors = {place.error for place in places if place.error}
    return Concern(
        what=f"{_lists(places)} not complete",
        why=errors.pop() if len(errors) == 1 else kind,
        action=PROBLEMS if advice is None else advice.action,
        since=min((place.since for place in places if place.since), default=None),
    )


def _lists(places: Sequence[ListingState]) -> str:
    """`the product list`, `features of 1216`, or `7 lists of 5 products`."""
    if len(places) <= NAMED:
        return ", ".join(_named(place) for place in places)
    products = {place.product_id for place in places if place.product_id}
    return f"{counted(len(places), 'list')} of {counted(len(products), 'product')}"


def _named(place: ListingState) -> str:
    return f"{place.kind} of {place.product_id}" if place.product_id else "the product list"
