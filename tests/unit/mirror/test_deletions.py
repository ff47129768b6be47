"""When a missing row is gone, and when a list is not believed (rule 8)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.mirror.deletions import Missing, brake, missing_from


@pytest.mark.parametrize(
    ("missing", "rows", "listed", "why"),
    [
        (0, 0, 0, None),
        (0, 5, 5, None),
        (1, 1, 0, "the remote lists nothing, the mirror holds 1"),
        (9, 9, 1, None),
        (10, 19, 9, "the remote lists 10 fewer of the 19 rows that the mirror holds"),
        (10, 20, 10, None),
        (11, 20, 9, "the remote lists 11 fewer of the 20 rows that the mirror holds"),
        (10, 10, 1, "the remote lists 10 fewer of the 10 rows that the mirror holds"),
    ],
)
def test_half_of_ten_and_more_or_all_at_once_is_not_believed(
    missing: int, rows: int, listed: int, why: str | None
) -> None:
    assert brake(missing=missing, rows=rows, listed=listed) == why


def test_a_row_is_noted_first_and_gone_with_the_next_listing_that_lacks_it() -> None:
    live = {1: None, 4: None, 2: None, 3: None}
    assert missing_from(live, {1, 3}, listing=7, confirming=False) == Missing(noted=(2, 4))
    again = {1: None, 4: 7, 2: 7, 3: None}
    assert missing_from(again, {1, 3}, listing=8, confirming=False) == Missing(gone=(2, 4))


def test_one_listing_counts_once_but_for_its_confirmation() -> None:
    live = {1: None, 2: 7, 3: None}
    assert missing_from(live, {1}, listing=7, confirming=False) == Missing(noted=(2, 3))
    assert missing_from(live, {1}, listing=7, confirming=True) == Missing(gone=(2,), noted=(3,))


def test_what_the_brake_holds_is_neither_gone_nor_noted() -> None:
    live: dict[int, int | None] = dict.fromkeys(range(19, 0, -1), 7)
    held = missing_from(live, range(11, 20), listing=8, confirming=True)
    assert held == Missing(
        pending=tuple(range(1, 11)),
        why_pending="the remote lists 10 fewer of the 19 rows that the mirror holds",
    )


@given(
    live=st.dictionaries(st.integers(1, 40), st.none() | st.integers(1, 3)),
    listed=st.sets(st.integers(1, 40)),
    listing=st.integers(1, 4),
    confirming=st.booleans(),
)
def test_every_missing_row_has_one_fate_and_no_other_row_has_any(
    live: dict[int, int | None], listed: set[int], listing: int, confirming: bool
) -> None:
    found = missing_from(live, listed, listing=listing, confirming=confirming)
    fates = [*found.gone, *found.noted, *found.pending]
    assert sorted(fates) == sorted(live.keys() - listed)
    assert bool(found.pending) is bool(found.why_pending)
    assert all(live[key] is not None for key in found.gone), "missed once is not gone"


def test_a_list_of_nothing_is_not_believed_however_little_there_was() -> None:
    held = missing_from({5: 7}, (), listing=8, confirming=True)
    assert held == Missing(pending=(5,), why_pending="the remote lists nothing, the mirror holds 1")
