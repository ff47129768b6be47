"""What needs a person, in which order, and in which words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rules.diagnosis.advice import ADVICE, DELETIONS, PROBLEMS, SYNC, urgency
from rules.diagnosis.attention import Concern, ListingState, concerns, trouble_of
from rules.model import ErrorKind


def failing(
    product: int, error: str | None, since: str | None = None, kind: str = "tests"
) -> ListingState:
    return ListingState(product_id=product, kind=kind, is_failing=True, error=error, since=since)


FINE = ListingState(product_id=1, kind="tests")
STALE = ListingState(product_id=2, kind="tests", is_stale=True)
GAPPY = ListingState(product_id=3, kind="tests", is_stale=True, holes=1)
UNKNOWN = ListingState(product_id=4, kind="tests", is_known=False, holes=2, is_stale=True)
TIMEOUT = failing(5, "timeout: no answer", "2026-01-02")
TIMEOUT_LONGER = failing(6, "timeout: no answer", "2026-01-01")
UNAUTHORIZED = failing(7, "unauthorized: 401", None)
OF_NO_TYPE = failing(8, None, None)


def test_trouble_is_sorted_worst_first() -> None:
    ranked = sorted(
        [FINE, STALE, GAPPY, UNKNOWN, OF_NO_TYPE, TIMEOUT, TIMEOUT_LONGER, UNAUTHORIZED],
        key=trouble_of,
    )
    assert [place.product_id for place in ranked] == [7, 6, 5, 8, 4, 3, 2, 1]
    assert [trouble_of(place) for place in (FINE, STALE, GAPPY, UNKNOWN)] == [
        (4, 0, ""),
        (3, 0, ""),
        (2, 0, ""),
        (1, 0, ""),
    ]
    assert trouble_of(OF_NO_TYPE) == (0, urgency(None), "")


@pytest.mark.parametrize(
    ("error", "kind"),
    [(None, None), ("", None), ("timeout: so: it was", "timeout"), ("odd", "odd")],
)
def test_the_type_of_a_failure_stands_before_its_text(error: str | None, kind: str | None) -> None:
    assert failing(1, error).error_kind == kind


def test_the_daemon_comes_first_then_failures_then_what_is_missing_or_old() -> None:
    told = concerns(
        [STALE, GAPPY, UNKNOWN, TIMEOUT, UNAUTHORIZED],
        cannot_write="disk full",
        killed_run=7,
        silent_daemon=99,
    )
    assert told == [
        Concern(
            what="the daemon with pid 99 does not answer",
            action="look again; if it stays so, end that process",
        ),
        Concern(what="cannot write", why="disk full", action="look at the disk"),
        Concern(
            what="tests of 7 not complete",
            why="unauthorized: 401",
            action=ADVICE[ErrorKind.UNAUTHORIZED].action,
        ),
        Concern(
            what="tests of 5 not complete",
            why="timeout: no answer",
            action=ADVICE[ErrorKind.TIMEOUT].action,
            since="2026-01-02",
        ),
        Concern(what="run 7 was killed", action=SYNC),
        Concern(what="tests of 4 not fetched yet", action=SYNC),
        Concern(what="1 record cannot be read", action=PROBLEMS),
        Concern(what="tests of 2, tests of 3 stale", action=SYNC),
    ]


def test_where_all_is_well_nothing_is_said() -> None:
    assert concerns([FINE]) == []


def only(places: Sequence[ListingState], held: int = 0) -> Concern:
    (told,) = concerns(places, held_sets=held)
    return told


def test_places_that_fail_alike_share_a_line_and_the_oldest_time() -> None:
    told = only([TIMEOUT, TIMEOUT_LONGER])
    assert (told.what, told.why) == ("tests of 5, tests of 6 not complete", "timeout: no answer")
    assert told.since == "2026-01-01"
    other = only([TIMEOUT, failing(9, "timeout: late")])
    assert (other.why, other.since) == ("timeout", "2026-01-02"), "texts differ: their type is said"


def test_a_failure_of_no_known_type_is_looked_up_among_the_problems() -> None:
    told = only([OF_NO_TYPE])
    assert told == Concern(what="tests of 8 not complete", why="unknown", action=PROBLEMS)
    newer = failing(9, "of_a_later_version: x")
    assert [told.why for told in concerns([newer, OF_NO_TYPE, TIMEOUT])] == [
        "timeout: no answer",
        "of_a_later_version: x",
        "unknown",
    ]


def test_held_deletions_have_one_line_at_their_place() -> None:
    told = concerns([TIMEOUT, UNAUTHORIZED, failing(5, "held: many", "s")], held_sets=2)
    assert [concern.what for concern in told] == [
        "tests of 7 not complete",
        "2 sets of deletions held back",
        "tests of 5 not complete",
    ]
    assert told[1].since == "s"
    assert only([], held=1) == Concern(what="1 set of deletions held back", action=DELETIONS)


def test_up_to_three_lists_are_named_and_more_are_counted() -> None:
    products = ListingState(product_id=0, kind="products", is_stale=True)
    features = ListingState(product_id=2, kind="features", is_stale=True)
    assert only([products, STALE, features]).what == (
        "the product list, tests of 2, features of 2 stale"
    )
    again = ListingState(product_id=9, kind="tests", is_stale=True)
    assert only([products, STALE, features, again]).what == "4 lists of 2 products stale"
