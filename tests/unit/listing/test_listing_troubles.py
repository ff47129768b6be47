"""All that can go wrong with a list at once: what is called complete has been read (rules 4 to 9).

Rows may be missing only around a record that cannot be shown: a gap, like that record.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.listing.listing import Listing, Reading
from rules.listing.splitting import FIVES
from rules.listing.stops import Seen
from rules.listing.windows import Window
from rules.records import HoleRecord
from tests.examples import examples
from tests.unit.listing.lists import START, dated


@dataclass(frozen=True, kw_only=True)
class Troubles:
    """`ties`: lengths; `clamp`: rows a page at most; `slow`: pages of more rows time out; `fails`:
    how many of a hundred requests fail by chance; `poison`: rows that never can be shown."""

    ties: list[int]
    nulls: int = 0
    nulls_last: bool = False
    clamp: int = 99
    slow: int = 99
    fails: int = 0
    poison: frozenset[int] = frozenset()
    seed: int = 0


class Remote:
    """A list whose ties stand in another order at each request. Ids count from 0."""

    def __init__(self, troubles: Troubles) -> None:
        ends = [hours for hours, length in enumerate(troubles.ties) for _ in range(length)]
        self._dice = random.Random(troubles.seed)
        self._troubles = troubles
        nulls = [None] * troubles.nulls
        self._ends = [*ends, *nulls] if troubles.nulls_last else [*nulls, *ends]
        self.rows = range(len(self._ends))
        self.answers: list[list[int]] = []

    def answer(self, window: Window) -> list[Seen] | None:
        """None: it failed."""
        size = min(window.per_page, self._troubles.clamp)
        order = list(self.rows)
        self._dice.shuffle(order)
        place = {end: at for at, end in enumerate(dict.fromkeys(self._ends))}
        order.sort(key=lambda row: place[self._ends[row]])
        rows = order[(window.page - 1) * size : window.page * size]
        by_chance = self._dice.randrange(100) < self._troubles.fails
        if by_chance or self._troubles.poison.intersection(rows):
            return None
        return [self._seen(row) for row in rows]

    def _seen(self, row: int) -> Seen:
        hours = self._ends[row]
        return Seen(id=row, end_at=None if hours is None else START - timedelta(hours=hours))

    def is_near(self, row: int, positions: Sequence[int]) -> bool:
        """Whether a row's tie reaches within one small page of one of these positions."""
        tied = [at for at, end in enumerate(self._ends) if end == self._ends[row]]
        return any(tied[0] - FIVES <= position <= tied[-1] + FIVES for position in positions)

    def is_slow(self, window: Window) -> bool:
        return window.per_page > self._troubles.slow


def read(listing: Listing, remote: Remote) -> tuple[set[int], list[HoleRecord]]:
    """The ids read, and the holes met."""
    got, holes = set[int](), list[HoleRecord]()
    for _ in range(3_000):
        if listing.state is not Reading.GOING_ON:
            return got, [*holes, *listing.take_holes()]
        window = listing.next_window()
        if remote.is_slow(window) and listing.may_be_smaller(window):
            listing.too_slow(window)
        elif (rows := remote.answer(window)) is None:
            listing.failed(window)
        else:
            got |= {rows[index].id or 0 for index in listing.take(window, rows)}
        holes += listing.take_holes()
    raise AssertionError("no end after 3,000 requests")


KNOWN = st.builds(
    HoleRecord,
    position=st.integers(1, 60),
    before_id=st.one_of(st.integers(0, 60), st.just(777)),
    after_id=st.one_of(st.integers(0, 60), st.just(778)),
    rank=st.just(0),
)


@examples(300)
@given(
    troubles=st.builds(
        Troubles,
        ties=st.lists(st.sampled_from([1, 1, 1, 1, 1, 2, 3, 6, 12]), max_size=90),
        nulls=st.sampled_from([0, 0, 1, 3, 12]),
        nulls_last=st.booleans(),
        clamp=st.sampled_from([99, 99, 3, 4, 5, 10, 25, 29]),
        slow=st.sampled_from([99, 99, 5, 10]),
        fails=st.sampled_from([0, 0, 5, 20]),
        poison=st.frozensets(st.integers(0, 90), max_size=2),
        seed=st.integers(0, 10**6),
    ),
    known=st.lists(KNOWN, max_size=2),
)
def test_what_is_complete_has_been_read_but_for_what_is_around_holes(
    troubles: Troubles, known: list[HoleRecord]
) -> None:
    remote, listing = Remote(troubles), Listing(holes=known)
    got, holes = read(listing, remote)
    if listing.state is Reading.COMPLETE:
        missed = set(remote.rows) - got
        gaps = [hole.position - 1 for hole in holes]
        far = sorted(row for row in missed if not remote.is_near(row, gaps))
        assert far == [], f"missed {far} with holes at {gaps}"


@pytest.mark.parametrize("clamp", [5, 10, 20, 25])
@pytest.mark.parametrize("first", ["failed", "slow"])
def test_a_clamp_that_only_small_pages_have_met_so_far_is_no_end(clamp: int, first: str) -> None:
    """Five rows, then the same five where thirty were asked for: the server's page, or all."""
    remote, listing = Remote(Troubles(ties=[1] * 90, clamp=clamp)), Listing()
    if first == "failed":
        listing.failed(listing.next_window())
    else:
        listing.too_slow(listing.next_window())
    got, _ = read(listing, remote)
    assert listing.state is Reading.COMPLETE
    assert len(got) == 90


@pytest.mark.parametrize("clamp", [10, 99])
def test_a_hole_that_has_moved_away_hides_no_clamp(clamp: int) -> None:
    remote = Remote(Troubles(ties=[1] * 60, clamp=clamp))
    moved = HoleRecord(position=11, before_id=777, after_id=778, rank=0)
    listing = Listing(holes=[moved])
    got, holes = read(listing, remote)
    assert (listing.state, len(got), holes) == (Reading.COMPLETE, 60, [])


@pytest.mark.parametrize(
    ("above", "between", "tied", "poison"),
    [(4, 43, 5, 5), (4, 43, 12, 5), (30, 17, 40, 19), (6, 39, 40, 35), (39, 16, 30, 4)],
)
def test_a_tie_cut_beside_a_hole_excuses_none_far_below(
    above: int, between: int, tied: int, poison: int
) -> None:
    """One row can never be shown; rows far below it end at the same time, a page of them or so."""
    ends = [*[1] * above, 3, *[1] * between, tied, *[1] * 20]
    for seed in range(60):
        remote = Remote(Troubles(ties=ends, poison=frozenset({poison}), seed=seed))
        listing = Listing()
        got, holes = read(listing, remote)
        if listing.state is Reading.COMPLETE:
            missed = set(remote.rows) - got
            gaps = [hole.position - 1 for hole in holes]
            assert all(remote.is_near(row, gaps) for row in missed), f"seed {seed}: {missed}"


def test_ties_around_a_hole_that_is_known_by_now_do_not_make_a_list_partial() -> None:
    """The first time a tie of six stands in small pages; then the hole is stepped over."""
    ends = [*[1] * 36, 6, *[1] * 60]
    troubles = Troubles(ties=ends, poison=frozenset({50}))
    first = Listing()
    _, holes = read(first, Remote(troubles))
    assert first.state is Reading.ABANDONED
    assert "end at the same time" in first.why_abandoned
    second = Listing(holes=holes)
    got, again = read(second, Remote(troubles))
    assert (second.state, len(got), len(again)) == (Reading.COMPLETE, len(ends) + 5 - 1, 1)


def test_where_rows_without_an_end_stand_last_an_incremental_listing_goes_on_to_the_end() -> None:
    """A new one stands at the bottom; what the last full listing saw is told by `in_order`."""
    rows = [dated(row, known=True) for row in range(100)]
    rows += [Seen(id=200, known=True), Seen(id=999)]
    full = Listing()
    while full.state is Reading.GOING_ON:
        window = full.next_window()
        full.take(window, rows[window.offset : window.limit])
    assert (full.state, full.ordered) == (Reading.COMPLETE, False)
