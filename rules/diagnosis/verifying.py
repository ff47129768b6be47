"""Comparing the mirror with the live account, and which differences the two times explain.

The mirror never claims more than its freshness says. A difference that follows from that is
explained; any other one means that the mirror was wrong when it said that it was complete.

Features and products have no times of their own and no final state, so theirs are always put down
to the age of the mirror, which is shown: where that is the last minute, look closer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rules.diagnosis.entries import PROBLEMS
from rules.model import Kind
from rules.records import FINAL_STATUSES
from rules.text.wording import counted


class Difference(StrEnum):
    """How a record of the mirror and one of the account can differ."""

    MISSING = "missing"
    """The account has it, the mirror does not."""
    NOT_LISTED = "not_listed"
    """The mirror has it, the account does not list it."""
    DIFFERS = "differs"
    MARKED_DELETED = "marked_deleted"
    """The mirror has marked it as deleted, the account has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the mirror says of itself for one product and kind; `gaps`: unreadable records."""

    complete_as_of: datetime | None = None
    complete_from: datetime | None = None
    current_as_of: datetime | None = None
    gaps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """A row of the mirror; only tests have a `status`."""

    id: int
    content_hash: str
    synced_at: datetime
    status: str | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A record of the account, in whatever form it was read."""

    id: int
    content_hash: str
    start_at: datetime | None = None
    end_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One difference, and what explains it or why nothing does."""

    product_id: int
    kind: Kind
    id: int
    what: Difference
    explained: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One product and kind, as far as it is compared; `unusable`: ids the account cannot show."""

    product_id: int
    kind: Kind
    claim: Claim
    unusable: Collection[int] = field(default=frozenset())


def compare(side: Side, mirrored: Iterable[Mirrored], live: Iterable[Live]) -> list[Discrepancy]:
    """Every difference, by id."""
    rows = {row.id: row for row in mirrored}
    records = {record.id: record for record in live}
    found: list[Discrepancy] = []
    for key in sorted(rows.keys() | records.keys()):
        what = _difference(side, rows.get(key), records.get(key))
        if what is not None:
            explained, why = _explained(side, what, rows.get(key), records.get(key))
            found.append(
                Discrepancy(
                    product_id=side.product_id,
                    kind=side.kind,
                    id=key,
                    what=what,
                    explained=explained,
                    why=why,
                )
            )
    return found


def _difference(side: Side, row: Mirrored | None, record: Live | None) -> Difference | None:
    if row is None:
        return Difference.MISSING
    if record is None:
        is_there = row.deleted_at is None and row.id not in side.unusable
        return Difference.NOT_LISTED if is_there else None
    if row.deleted_at is not None:
        return Difference.MARKED_DELETED
    return None if row.content_hash == record.content_hash else Difference.DIFFERS


def _explained(
    side: Side, what: Difference, row: Mirrored | None, record: Live | None
) -> tuple[bool, str]:
    claim = side.claim
    if side.kind is not Kind.TESTS:
        if claim.current_as_of is None:
            return True, "not fetched yet"
        return True, f"may have changed since {_shown(claim.current_as_of)}"
    if row is None:
        assert record is not None
        return _missing_test(claim, record)
    if what is Difference.NOT_LISTED:
        return True, f"may have gone since {_shown(claim.complete_as_of or row.synced_at)}"
    if what is Difference.DIFFERS:
        seen = f"last seen at {_shown(row.synced_at)}"
        if row.status not in FINAL_STATUSES:
            return True, f"can still change; {seen}"
        return False, f"{row.status} is final; {seen}"
    if claim.complete_as_of is None:
        return True, "not fetched yet"
    assert row.deleted_at is not None
    return False, f"marked as deleted at {_shown(row.deleted_at)}, but it is there"


def _missing_test(claim: Claim, record: Live) -> tuple[bool, str]:
    if claim.complete_as_of is None:
        return True, "not fetched yet"
    as_of = _shown(claim.complete_as_of)
    if claim.complete_from and record.end_at and record.end_at < claim.complete_from:
        return True, f"ends before {_shown(claim.complete_from)}, where the mirror begins"
    if claim.gaps:
        return (
            True,
            f"{counted(claim.gaps, 'record')} could not be read ({PROBLEMS})",
        )
    came = record.start_at or record.end_at
    if came is None:
        return False, f"nothing says that it came after {as_of}, when all was said to be here"
    if came > claim.complete_as_of:
        return True, f"came after {as_of}"
    return False, f"was there before {as_of}, when all was said to be here"


def _shown(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S}"
