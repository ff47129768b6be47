"""What is fetched for a question, what it is called, and when the mirror's answer will do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rules.mirror.fetching import (
    BUGS_AT_ONCE,
    NEVER_FETCHED,
    THE_PRODUCT_LIST,
    Entity,
    FetchOutcome,
    FetchState,
    Freshness,
    Subject,
    fewer_at_once,
    portions,
)
from rules.model import ErrorKind

NOW = datetime(2026, 5, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("entity", "said"),
    [
        (THE_PRODUCT_LIST, "the product list"),
        (Entity(Subject.TEST, 7), "test 7"),
        (Entity(Subject.BUGS, 7), "bugs of test 7"),
        (Entity(Subject.FEATURES, 18), "features of product 18"),
        (Entity(Subject.TESTS, 18), "tests of product 18"),
    ],
)
def test_what_is_fetched_has_a_name(entity: Entity, said: str) -> None:
    assert str(entity) == said


@pytest.mark.parametrize(
    ("as_of", "fresh"),
    [
        (NOW - 61 * SECOND, False),
        (NOW - 60 * SECOND, True),
        (NOW, True),
        (NOW + SECOND, False),
    ],
)
def test_an_answer_is_fresh_within_its_age_and_never_in_the_future(
    as_of: datetime, fresh: bool
) -> None:
    not_before = NOW - 60 * SECOND
    assert Freshness(as_of=as_of).is_fresh(not_before=not_before, now=NOW) is fresh
    assert Freshness(as_of=as_of, is_final=True).is_fresh(not_before=not_before, now=NOW)


def test_what_was_never_fetched_is_not_fresh_and_has_no_age() -> None:
    never = Freshness(as_of=None, is_final=True)
    assert not never.is_fresh(not_before=NOW, now=NOW)
    assert NEVER_FETCHED.age_seconds(NOW) is None


def test_an_age_is_never_negative() -> None:
    assert Freshness(as_of=NOW - 90 * SECOND).age_seconds(NOW) == 90.0
    assert Freshness(as_of=NOW + 90 * SECOND).age_seconds(NOW) == 0.0


def test_a_failed_fetch_says_why() -> None:
    failed = FetchOutcome.failed(ErrorKind.TIMEOUT, "no answer")
    assert failed == FetchOutcome(
        state=FetchState.FAILED, error=ErrorKind.TIMEOUT, message="no answer"
    )


def test_bugs_are_asked_for_of_fewer_tests_until_it_is_one() -> None:
    assert [fewer_at_once(number) for number in (15, 14, 6, 5, 2, 1)] == [5, 5, 5, 1, 1, 1]


@pytest.mark.parametrize("most", BUGS_AT_ONCE)
def test_portions_are_all_tests_in_their_order(most: int) -> None:
    ids = list(range(100, 137))
    parts = portions(ids, most)
    assert [key for part in parts for key in part] == ids
    assert max(len(part) for part in parts) == most
    assert portions([], most) == []
