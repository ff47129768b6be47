"""Which differences between mirror and account are found, and which are explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.diagnosis.verifying import (
    Claim,
    Difference,
    Discrepancy,
    Live,
    Mirrored,
    Side,
    compare,
)
from rules.model import Kind

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
COMPLETE = Claim(complete_as_of=NOW, current_as_of=NOW)
LIVE = Live(id=1, content_hash="a", start_at=NOW - HOUR, end_at=NOW)
ROW = Mirrored(id=1, content_hash="a", synced_at=NOW, status="archived")
CHANGED = replace(ROW, content_hash="b")
GONE = replace(ROW, deleted_at=NOW)


def side_of(claim: Claim = COMPLETE) -> Side:
    return Side(product_id=18, kind=Kind.TESTS, claim=claim)


def the(found: list[Discrepancy]) -> tuple[Difference, bool, str]:
    (finding,) = found
    return finding.what, finding.explained, finding.why


@pytest.mark.parametrize(
    ("claim", "live", "explained", "why"),
    [
        (COMPLETE, LIVE, False, "was there before 2026-03-01 08:00:00"),
        (COMPLETE, replace(LIVE, start_at=NOW + HOUR), True, "came after"),
        (COMPLETE, replace(LIVE, start_at=None, end_at=NOW + HOUR), True, "came after"),
        (COMPLETE, replace(LIVE, start_at=None, end_at=None), False, "nothing says"),
        (Claim(current_as_of=NOW), LIVE, True, "not fetched yet"),
        (replace(COMPLETE, complete_from=NOW + HOUR), LIVE, True, "where the mirror begins"),
        (replace(COMPLETE, complete_from=NOW), LIVE, False, "was there"),
        (replace(COMPLETE, gaps=2), LIVE, True, "2 records could not be read"),
    ],
)
def test_a_test_that_the_mirror_lacks(claim: Claim, live: Live, explained: bool, why: str) -> None:
    what, is_explained, text = the(compare(side_of(claim), (), (live,)))
    assert (what, is_explained) == (Difference.MISSING, explained)
    assert why in text


@pytest.mark.parametrize(
    ("row", "live", "what", "explained", "why"),
    [
        (CHANGED, LIVE, Difference.DIFFERS, False, "archived is final"),
        (replace(CHANGED, status="running"), LIVE, Difference.DIFFERS, True, "can still change"),
        (replace(CHANGED, status=None), LIVE, Difference.DIFFERS, True, "last seen at 2026"),
        (GONE, LIVE, Difference.MARKED_DELETED, False, "but it is there"),
        (ROW, None, Difference.NOT_LISTED, True, "may have gone since 2026"),
    ],
)
def test_a_test_that_the_mirror_has(
    row: Mirrored, live: Live | None, what: Difference, explained: bool, why: str
) -> None:
    found = the(compare(side_of(), (row,), () if live is None else (live,)))
    assert found[:2] == (what, explained)
    assert why in found[2]


def test_what_came_back_to_a_mirror_that_starts_anew_is_explained() -> None:
    assert the(compare(side_of(Claim()), (GONE,), (LIVE,)))[1:] == (True, "not fetched yet")


@pytest.mark.parametrize("row", [None, CHANGED, GONE])
def test_features_and_products_are_explained_by_their_age(row: Mirrored | None) -> None:
    side = Side(product_id=18, kind=Kind.FEATURES, claim=COMPLETE)
    rows = () if row is None else (row,)
    assert the(compare(side, rows, (LIVE,)))[1:] == (
        True,
        "may have changed since 2026-03-01 08:00:00",
    )
    never = replace(side, claim=Claim())
    assert the(compare(never, rows, (LIVE,)))[2] == "not fetched yet"


def test_a_record_that_cannot_be_used_is_not_missed() -> None:
    assert compare(replace(side_of(), unusable={1}), (ROW,), ()) == []


# -- properties --------------------------------------------------------------------------------

ids = st.integers(1, 12)
instants = st.none() | st.integers(-5, 5).map(lambda hours: NOW + hours * HOUR)
contents = st.sampled_from("abcd")
claims = st.builds(
    Claim,
    complete_as_of=instants,
    complete_from=instants,
    current_as_of=instants,
    gaps=st.integers(0, 2),
)
sides = st.builds(
    Side,
    product_id=st.just(18),
    kind=st.sampled_from([Kind.PRODUCTS, Kind.FEATURES, Kind.TESTS]),
    claim=claims,
    unusable=st.frozensets(ids),
)


@st.composite
def rows(draw: st.DrawFn, key: int) -> Mirrored:
    return Mirrored(
        id=key,
        content_hash=draw(contents),
        synced_at=NOW,
        status=draw(st.sampled_from(["running", "archived", None])),
        deleted_at=draw(st.none() | st.just(NOW)),
    )


@st.composite
def records(draw: st.DrawFn, key: int) -> Live:
    start_at, end_at = draw(instants), draw(instants)
    return Live(id=key, content_hash=draw(contents), start_at=start_at, end_at=end_at)


mirrors = st.sets(ids).flatmap(lambda keys: st.tuples(*(rows(key) for key in sorted(keys))))
accounts = st.sets(ids).flatmap(lambda keys: st.tuples(*(records(key) for key in sorted(keys))))


@given(sides, mirrors, accounts)
def test_each_record_is_found_at_most_once_and_none_is_overlooked(
    side: Side, mirror: tuple[Mirrored, ...], account: tuple[Live, ...]
) -> None:
    found = {finding.id: finding for finding in compare(side, mirror, account)}
    there = {row.id for row in mirror if row.deleted_at is None}
    live = {record.id for record in account}
    assert live - there <= found.keys(), "what the mirror lacks or has marked is always reported"
    assert there - live - set(side.unusable) <= found.keys()
    assert found.keys() <= there | live
    assert len(found) == len(compare(side, mirror, account))
    assert all(finding.why for finding in found.values())


@given(sides, accounts)
def test_a_mirror_equals_its_own_account(side: Side, account: tuple[Live, ...]) -> None:
    mirror = [Mirrored(id=r.id, content_hash=r.content_hash, synced_at=NOW) for r in account]
    assert compare(side, mirror, account) == []


@given(sides, mirrors, accounts)
def test_a_mirror_that_claims_nothing_cannot_be_wrong_but_in_what_is_final(
    side: Side, mirror: tuple[Mirrored, ...], account: tuple[Live, ...]
) -> None:
    silent = replace(side, claim=replace(side.claim, complete_as_of=None))
    wrong = [f for f in compare(silent, mirror, account) if not f.explained]
    final = {row.id for row in mirror if row.status == "archived"}
    assert {finding.what for finding in wrong} <= {Difference.DIFFERS}
    assert {finding.id for finding in wrong} <= final


def test_a_finding_names_its_product_kind_and_id() -> None:
    (finding,) = compare(side_of(), (), (LIVE,))
    assert finding == Discrepancy(
        product_id=18,
        kind=Kind.TESTS,
        id=1,
        what=Difference.MISSING,
        explained=False,
        why="was there before 2026-03-01 08:00:00, when all was said to be here",
    )


def test_what_the_mirror_never_claimed_is_not_fetched_yet() -> None:
    assert the(compare(side_of(Claim()), (), (LIVE,)))[1:] == (True, "not fetched yet")


def test_what_came_at_that_very_instant_was_there() -> None:
    assert not the(compare(side_of(), (), (replace(LIVE, start_at=NOW),)))[1]
