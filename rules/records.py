"""The rows of the mirror, as they travel from the client to storage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rules.model import NOTHING, Counts, Kind

MAX_ID = 2**63 - 1
"""The largest id a SQLite INTEGER PRIMARY KEY can hold."""


FINAL_STATUSES = frozenset({"archived", "cancelled"})
"""A test with one of these statuses can no longer change; an unknown status counts as mutable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionRecord:
    """One section of a product."""

    id: int
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserStoryRecord:
    """One user story of a feature; the id is negative where the remote gave only its text."""

    id: int
    title: str | None
    path: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRecord:
    """One product. `data` is its payload as JSON text with sorted keys."""

    id: int
    name: str | None
    product_type: str | None
    has_sections: bool
    section_ids: tuple[int, ...]
    data: str
    content_hash: str
    sections: tuple[SectionRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRecord:
    """One feature of a product.

    `section_ids`: all the sections it stands in; None where that was not told. `user_stories`
    None: nothing new was told of them.
    """

    id: int
    product_id: int
    title: str | None
    section_ids: tuple[int, ...] | None
    data: str
    content_hash: str
    user_stories: tuple[UserStoryRecord, ...] | None = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRecord:
    """One exploratory test, as lists tell it. Times are UTC; secrets of its environment are
    already removed.

    `metrics`: what only a single fetch tells, as JSON text; None for a test from a list.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    id: int
    product_id: int
    title: str | None
    status: str | None
    review_status: str | None
    testing_type: str | None
    start_at: datetime | None
    end_at: datetime | None
    data: str
    content_hash: str
    metrics: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BugRecord:
    """One bug of a test; `status` is `auto_accepted` where nobody decided on it."""

    id: int
    test_id: int
    title: str | None
    severity: str | None
    status: str | None
    data: str
    content_hash: str


Record = ProductRecord | FeatureRecord | TestRecord | BugRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A record that could not be used (rule 10).

    `position` counts from 1 in the remote's list; `fingerprint` identifies the same bad content
    from run to run; `excerpt` is what was there, without secrets, cut to a readable length.
    """

    position: int
    record_id: int | None
    reason: str
    excerpt: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoleRecord:
    """A record that the remote cannot show, known by where it stands (rule 9).

    `position` counts from 1; the neighbours are None at the ends of the list, and `after_id` also
    where nothing behind it was read yet. `rank` counts holes that stand side by side, from 0.
    """

    position: int
    before_id: int | None
    after_id: int | None = None
    rank: int = 0

    @property
    def fingerprint(self) -> str:
        """The same hole in another run, wherever it has moved to meanwhile."""
        return f"hole behind {self.before_id or 'the head'}, {self.rank}"


class ListingEnd(StrEnum):
    """How far a listing came that has ended well."""

    END = "end"
    """From the first row to the end: it supports completeness."""
    JOINED = "joined"
    """From the first row down to rows that an earlier listing has confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CursorMove:
    """What the last page of a listing says about freshness (rule 4).

    `as_of`: the instant before the listing's first request. `end`: how far it came; whether it
    also was complete follows from the gaps that stand open when the page is stored.
    `complete_from`: completeness holds for tests that end at or after this instant; None means
    for all. `confirming`: the second of two listings in a row, so what both lack is gone.
    `sections_as_of`: the instant for which it is known in which sections the features stand; None
    where this listing does not tell.
    """

    as_of: datetime
    end: ListingEnd = ListingEnd.END
    complete_from: datetime | None = None
    in_order: bool = True
    by_section: bool = False
    confirming: bool = False
    sections_as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingMark:
    """The listing that a page's rows belong to: the id of the run in which it began.

    `resume`: for a full listing, from where it can go on if it is interrupted behind this page,
    as JSON text.
    """

    id: int
    full: bool
    resume: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDeletion:
    """Rows that a listing lacks, too many to believe it (rule 8)."""

    ids: tuple[int, ...]
    of_rows: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of one product and kind that belong into one transaction.

    `listing` None: rows that no listing vouches for (single fetches, read-through, `--since`).
    The last page of a listing carries the cursor's move. `gone` are ids to be marked as deleted,
    `confirmed` ids of rows that exist although the listing lacks them. `closed_holes` are
    fingerprints of holes that were found filled or gone. `wants_full`: why the next listing has
    to be a full one. For bugs `product_id` is the id of their test.

    `counted`: the ids of rows, and the fingerprints of records that cannot be used, that an earlier
    page of the same run held: they count once.
    """

    product_id: int
    kind: Kind
    records: tuple[Record, ...] = ()
    bad_rows: tuple[BadRow, ...] = ()
    holes: tuple[HoleRecord, ...] = ()
    listing: ListingMark | None = None
    cursor: CursorMove | None = None
    gone: tuple[int, ...] = ()
    confirmed: tuple[int, ...] = ()
    pending: PendingDeletion | None = None
    closed_holes: tuple[str, ...] = ()
    probed_holes: tuple[str, ...] = ()
    wants_full: str | None = None
    counted: frozenset[int | str] = frozenset()

    @property
    def countable(self) -> frozenset[int | str]:
        """All that counts here: ids of rows, fingerprints of records that cannot be used."""
        return self.listed_ids.union(self.gaps)

    @property
    def gaps(self) -> tuple[str, ...]:
        """The fingerprints of records that cannot be used or shown."""
        return (*(row.fingerprint for row in self.bad_rows), *(h.fingerprint for h in self.holes))

    @property
    def listed_ids(self) -> frozenset[int]:
        """The rows that the remote lists here."""
        return frozenset(record.id for record in self.records)

    @property
    def is_plain(self) -> bool:
        """Whether it is rows of a listing and nothing else."""
        more = (self.bad_rows, self.holes, self.gone, self.confirmed, self.closed_holes)
        return not (
            self.listing is None
            or self.is_decisive
            or self.probed_holes
            or self.wants_full
            or any(more)
        )

    @property
    def is_decisive(self) -> bool:
        """Whether what it comes to decides on how its product goes on."""
        return self.cursor is not None or self.pending is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a page came to in the database.

    `gaps`: records of this product and kind that could not be used and are not resolved, after
    this page. `missing`: rows that the listing lacks and that are not marked (yet).
    `pending_id`: the id of the set of deletions that the brake holds back, if it does.
    """

    counts: Counts = NOTHING
    gaps: int = 0
    missing: int = 0
    pending_id: int | None = None
