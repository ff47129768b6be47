"""Which list is told of where: what fails, what waits for it, and what is calm."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from math import inf

from rules.diagnosis.limits import Limits
from rules.diagnosis.observations import ListingSeen, Observations
from rules.model import PRODUCT_LIST, ErrorKind
from rules.run.outcome import END_THE_RUN

OF_THE_ACCOUNT = frozenset(kind.value for kind in END_THE_RUN)
"""What no later run gets over, in no list: each fails until somebody does something."""
OF_THE_REMOTE = frozenset(
    kind.value for kind in (ErrorKind.CONNECTION_FAILED, ErrorKind.TIMEOUT, ErrorKind.SERVER_ERROR)
)
"""What lists fail with while the breaker is open."""
OF_RECORDS = frozenset({ErrorKind.HOLES.value, ErrorKind.BAD_ROWS.value})

Listings = list[ListingSeen]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """Each list in scope once. `not_asked`: since the first of `causes` failed, no run has come to
    them; the others of `causes` fail alike."""

    causes: Listings
    not_asked: Listings
    cut_off: Listings
    failing: Listings
    of_records: Listings
    calm: Listings


def sorted_out(seen: Observations, limits: Limits) -> Lists:
    """Each list in its place."""
    listings = seen.mirror.listings
    cause = _cause(listings)
    rest = [each for each in listings if each is not cause]
    causes = [] if cause is None else [cause, *_taken(rest, lambda each: _is_alike(each, cause))]
    not_asked = _taken(rest, lambda each: cause is not None and _waits_for(each, cause))
    breaker_open = breaker_seconds(seen) > limits.breaker_seconds
    cut_off = _taken(rest, lambda each: breaker_open and fails_with(each, OF_THE_REMOTE))
    if cause is not None and breaker_open and cause.error_kind in OF_THE_REMOTE:
        cut_off, not_asked, causes = [*causes, *cut_off, *not_asked], [], []
    of_records = _taken(rest, lambda each: fails_with(each, OF_RECORDS))
    failing = _taken(rest, lambda each: each.failing_since is not None)
    return Lists(
        causes=causes,
        not_asked=not_asked,
        cut_off=cut_off,
        failing=failing,
        of_records=of_records,
        calm=rest,
    )


def _taken(listings: Listings, belongs: Callable[[ListingSeen], bool]) -> Listings:
    """Those that belong, which are no longer among the others."""
    taken = [each for each in listings if belongs(each)]
    listings[:] = [each for each in listings if not belongs(each)]
    return taken


def fails_with(listing: ListingSeen, kinds: Collection[str]) -> bool:
    """Whether it fails now, for one of these types."""
    return listing.failing_since is not None and listing.error_kind in kinds


def _cause(listings: Iterable[ListingSeen]) -> ListingSeen | None:
    """The list whose failure keeps runs from the others: the latest one."""
    causes = [
        each
        for each in listings
        if each.failing_since is not None
        and (each.product_id == PRODUCT_LIST or each.error_kind in OF_THE_ACCOUNT)
        and each.error_kind not in OF_RECORDS
    ]
    return max(causes, key=_tried, default=None)


def _tried(listing: ListingSeen) -> float:
    return -inf if listing.tried_at is None else listing.tried_at.timestamp()


def _is_alike(listing: ListingSeen, cause: ListingSeen) -> bool:
    return listing.failing_since is not None and listing.error_kind == cause.error_kind


def _waits_for(listing: ListingSeen, cause: ListingSeen) -> bool:
    """Whether it is not well, and no run has come to it since the cause failed."""
    never = listing.current_as_of is None and _tried(listing) < _tried(cause)
    if listing.failing_since is None:
        return never
    is_unknown = listing.error_kind == ErrorKind.NEVER_LISTED
    return is_unknown or never or _tried(listing) < _tried(cause)


def breaker_seconds(seen: Observations) -> float:
    """For how long requests have been held back because all of the remote fails."""
    state = seen.daemon.state
    return 0.0 if state is None else state.breaker_open_seconds
