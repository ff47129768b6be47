"""Every failure has a cause and a next action, and what needs a person comes first."""

from __future__ import annotations

from dataclasses import astuple

from hypothesis import given
from hypothesis import strategies as st

from cli.main import VERBS
from rules.diagnosis.advice import ADVICE, DELETIONS, PROBLEMS, advice_for, advice_on, urgency
from rules.diagnosis.attention import ListingState, concerns, trouble_of
from rules.diagnosis.doctor import REMEDIES
from rules.model import ErrorKind

places = st.builds(
    ListingState,
    product_id=st.integers(0, 9),
    kind=st.sampled_from(["features", "tests"]),
    error=st.sampled_from([None, *(f"{kind}: so it was" for kind in ErrorKind), "odd", "new: x"]),
    since=st.sampled_from([None, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
    is_failing=st.booleans(),
    is_known=st.booleans(),
    is_stale=st.booleans(),
    holes=st.integers(0, 3),
)


def test_every_type_of_failure_has_advice_and_every_command_in_it_exists() -> None:
    assert set(ADVICE) == set(ErrorKind)
    for advice in ADVICE.values():
        assert advice.cause
        for words in advice.action.split("testio-sync ")[1:]:
            assert words.split()[0].strip(",;:") in VERBS


def test_what_the_remote_refused_sends_nobody_to_the_proxy() -> None:
    """A 422 is an answer of the remote: the way to it is all right."""
    for words in (*astuple(ADVICE[ErrorKind.REFUSED]), REMEDIES[ErrorKind.REFUSED]):
        assert "proxy" not in str(words).lower()


def test_what_never_heals_is_more_urgent_than_what_may() -> None:
    heals = [advice.heals for advice in ADVICE.values()]
    assert heals == sorted(heals)
    assert urgency("unauthorized") < urgency("server_error") < urgency("of a later version")
    assert advice_for("of a later version") is None
    assert advice_for(None) is None


@given(st.lists(places, max_size=12), st.integers(0, 3))
def test_there_is_a_concern_if_and_only_if_something_is_wrong(
    found: list[ListingState], held: int
) -> None:
    is_wrong = held > 0 or any(trouble_of(place)[0] < 4 for place in found)
    told = concerns(found, held_sets=held)
    assert bool(told) is is_wrong
    assert all(concern.action for concern in told)


@given(st.lists(places, max_size=12))
def test_what_fails_stands_before_what_is_old(found: list[ListingState]) -> None:
    ranked = sorted(found, key=trouble_of)
    failing = [place.is_failing for place in ranked]
    assert failing == sorted(failing, reverse=True)


def test_one_hole_is_told_of_once() -> None:
    calm = ListingState(product_id=18, kind="tests", holes=1)
    assert [concern.what for concern in concerns([calm])] == ["1 record cannot be read"]
    failing = ListingState(
        product_id=18, kind="tests", holes=1, is_failing=True, error="holes: 1 record"
    )
    (only,) = concerns([failing])
    assert (only.what, only.why) == ("tests of 18 not complete", "holes: 1 record")
    assert only.action == PROBLEMS


def test_held_deletions_are_told_of_with_their_command_and_not_as_a_failure_too() -> None:
    failing = ListingState(
        product_id=18, kind="tests", is_failing=True, error="held: 12 rows", since="s"
    )
    (only,) = concerns([failing], held_sets=1)
    assert (only.what, only.action, only.since) == (
        "1 set of deletions held back",
        DELETIONS,
        "s",
    )


def test_many_lists_are_counted_and_few_are_named() -> None:
    many = [ListingState(product_id=n // 2, kind="tests", is_known=False) for n in range(2, 8)]
    assert concerns(many)[0].what == "6 lists of 3 products not fetched yet"
    few = [ListingState(product_id=0, kind="products", is_stale=True)]
    assert concerns(few)[0].what == "the product list stale"


def test_a_message_without_room_has_the_action_alone() -> None:
    assert advice_on(ErrorKind.NEVER_LISTED) == "testio-sync sync"
    assert advice_on(None) == (
        "the next run tries again; testio-sync status and testio-sync problems list say more"
    )
