"""What a page of rows is to storage, and how a hole is recognised in another run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from rules.model import Kind
from rules.records import (
    BadRow,
    BugRecord,
    CursorMove,
    HoleRecord,
    ListingMark,
    Page,
    PendingDeletion,
)

NOW = datetime(2026, 5, 4, tzinfo=UTC)
BUG = BugRecord(
    id=7, test_id=1, title=None, severity=None, status=None, data="{}", content_hash="h"
)
PLAIN = Page(
    product_id=1,
    kind=Kind.BUGS,
    records=(BUG,),
    listing=ListingMark(id=1, full=True),
)
BAD = BadRow(position=1, record_id=None, reason="r", excerpt="e", fingerprint="f")


def test_a_page_of_rows_of_a_listing_is_plain() -> None:
    assert PLAIN.is_plain
    assert not PLAIN.is_decisive


@pytest.mark.parametrize(
    "more",
    [
        {"listing": None},
        {"bad_rows": (BAD,)},
        {"holes": (HoleRecord(position=1, before_id=None),)},
        {"gone": (1,)},
        {"confirmed": (1,)},
        {"closed_holes": ("x",)},
        {"probed_holes": ("x",)},
        {"wants_full": "why"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_a_page_that_says_more_is_not_plain(more: dict[str, Any]) -> None:
    page = replace(PLAIN, **more)
    assert not page.is_plain
    assert not page.is_decisive


@pytest.mark.parametrize(
    "more",
    [
        {"cursor": CursorMove(as_of=NOW)},
        {"pending": PendingDeletion(ids=(1,), of_rows=2, reason="r")},
    ],
    ids=["cursor", "pending"],
)
def test_a_page_that_decides_on_its_product_is_decisive(more: dict[str, Any]) -> None:
    page = replace(PLAIN, **more)
    assert page.is_decisive
    assert not page.is_plain


def test_a_hole_is_known_by_its_upper_neighbour_and_its_rank() -> None:
    """These texts are stored: another spelling would lose what is known of a hole."""
    assert HoleRecord(position=9, before_id=4).fingerprint == "hole behind 4, 0"
    first = HoleRecord(position=2, before_id=None, rank=1)
    assert first.fingerprint == "hole behind the head, 1"


def test_what_counts_of_a_page_are_its_rows_and_what_cannot_be_used_or_shown() -> None:
    hole = HoleRecord(position=1, before_id=4)
    assert PLAIN.listed_ids == PLAIN.countable == {7}
    assert replace(PLAIN, bad_rows=(BAD,)).countable == {7, "f"}
    assert replace(PLAIN, holes=(hole,)).countable == {7, "hole behind 4, 0"}
    page = replace(PLAIN, bad_rows=(BAD,), holes=(hole,))
    assert page.countable == {7, "f", "hole behind 4, 0"}
    assert page.listed_ids == {7}
