"""The rows of the mirror, as they travel from the client to storage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rules.model import Kind

MAX_ID = 2**63 - 1
"""The largest id a SQLite INTEGER PRIMARY KEY can hold."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRecord:
    """One feature of a product, with all the sections it stands in."""

    id: int
    product_id: int
    title: str | None
    section_ids: tuple[int, ...]
    data: str
    content_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TestRecord:
    """One exploratory test. Times are UTC; secrets of its environment are already removed."""

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


Record = ProductRecord | FeatureRecord | TestRecord


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
class CursorMove:
    """What the last page of a complete listing says about freshness (rule 4).

    `as_of`: the instant before the listing's first request. `complete`: every row was read, so
    that it also supports "there is no such test". `complete_from`: completeness holds for tests
    that end at or after this instant; None means for all.
    """

    as_of: datetime
    complete: bool = True
    complete_from: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of one product and kind that belong into one transaction.

    The last page of a listing carries the cursor's move; the others carry None.
    """

    product_id: int
    kind: Kind
    records: tuple[Record, ...] = ()
    bad_rows: tuple[BadRow, ...] = ()
    cursor: CursorMove | None = None
