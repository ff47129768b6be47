"""How a product's tests are listed this time: in full, from where it stopped, or incrementally."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rules.listing.resume import Interrupted
from rules.model import SyncOptions

OLDEST_RESUME = timedelta(days=1)
"""A listing that began longer ago, and before the last reconcile interval, begins anew."""

GOLDEN = 0.6180339887498949
"""Its multiples spread evenly over 0 to 1, whatever ids an account has (Weyl's sequence)."""


class Mode(StrEnum):
    """The way of a listing."""

    FULL = "full"
    RESUMED = "resumed"
    INCREMENTAL = "incremental"
    SINCE = "since"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorState:
    """What the mirror knows of earlier listings of one product and kind.

    `listed_as_of`: the last full listing that reached the end, recorded gaps aside.
    `current_as_of`: that one, or the last incremental listing that joined up with it.
    `sections_as_of`: as of when it is known in which sections the features stand.
    `gaps`: records that could not be used and are not resolved.
    """

    complete_as_of: datetime | None = None
    listed_as_of: datetime | None = None
    current_as_of: datetime | None = None
    complete_from: datetime | None = None
    in_order: bool = True
    by_section: bool = False
    sections_as_of: datetime | None = None
    wants_full: str | None = None
    gaps: int = 0
    resume_listing: int | None = None
    interrupted: Interrupted | None = None
    interrupted_at: datetime | None = None


def plan(product_id: int, cursor: CursorState, options: SyncOptions, now: datetime) -> Mode:
    """Decide on the mode (rules 5, 6 and 14)."""
    if options.since is not None:
        return Mode.SINCE
    if options.force:
        return Mode.FULL
    if options.incremental_only:
        return Mode.NONE if cursor.listed_as_of is None else Mode.INCREMENTAL
    if _can_resume(cursor, options, now):
        return Mode.RESUMED
    return Mode.FULL if why_full(product_id, cursor, options, now) else Mode.INCREMENTAL


def _can_resume(cursor: CursorState, options: SyncOptions, now: datetime) -> bool:
    left, began = cursor.interrupted, cursor.interrupted_at
    if left is None or began is None or began > now:
        return False
    if cursor.wants_full is not None:
        return False  # wished for since that listing began, so it cannot grant it
    limit = None if left.complete_from is None else datetime.fromisoformat(left.complete_from)
    same = limit == options.mirror_since
    oldest = max(OLDEST_RESUME, timedelta(seconds=options.reconcile_seconds))
    return same and now - began <= oldest


def why_full(
    product_id: int, cursor: CursorState, options: SyncOptions, now: datetime
) -> str | None:
    """Why an incremental listing would not do; None if it would."""
    if cursor.listed_as_of is None:
        return "never listed in full"
    if cursor.complete_as_of is None and not cursor.gaps:
        return "never complete, and nothing stands in the way any more"
    if cursor.wants_full is not None:
        return cursor.wants_full
    if cursor.interrupted is not None:
        return "an interrupted full listing is too old to go on"
    if not cursor.in_order:
        return "the list does not keep its order"
    if cursor.complete_from is not None and (
        options.mirror_since is None or options.mirror_since < cursor.complete_from
    ):
        return "more is to be mirrored than before"
    if is_due(product_id, cursor.listed_as_of, options.reconcile_seconds, now):
        return "the reconcile interval has passed"
    return None


def is_due(product_id: int, last: datetime, interval: float, now: datetime) -> bool:
    """Whether the product's turn has come since its last full listing.

    Each product has its own moment in the interval, so that full listings are spread over it.
    A last one in the future counts as due: the clock was wrong.
    """
    if interval <= 0 or last > now:
        return True
    shift = (product_id * GOLDEN) % 1.0 * interval
    turn, last_turn = ((at.timestamp() - shift) // interval for at in (now, last))
    return turn > last_turn
