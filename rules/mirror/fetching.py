"""What read-through may fetch by itself, and when it has to (the remote is asked no more often)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rules.model import PRODUCT_LIST, ErrorKind

MAX_ENTITIES = 1000
"""So many entities are refreshed for one question at most."""


BUGS_AT_ONCE = (15, 5, 1)
"""Of how many tests the bugs are asked for in one request, and then of how many, where that fails,
is too slow, or does not tell whose each bug is."""


def portions(test_ids: Sequence[int], most: int) -> list[list[int]]:
    """The tests in their order, at most so many at once."""
    return [list(test_ids[at : at + most]) for at in range(0, len(test_ids), most)]


def fewer_at_once(number: int) -> int:
    """Of how many tests to ask for the bugs where those of so many were too many."""
    return next(size for size in BUGS_AT_ONCE if size < number or size == 1)


class Subject(StrEnum):
    """What one fetch is about."""

    PRODUCTS = "products"
    """The product list; there is one, with the id 0."""
    FEATURES = "features"
    """The features of a product."""
    TESTS = "tests"
    """The tests of a product."""
    TEST = "test"
    """One test by its own id."""
    BUGS = "bugs"
    """The bugs of a test."""


@dataclass(frozen=True, slots=True, order=True)
class Entity:
    """One thing that is fetched at once. `id` is that of a product or of a test."""

    subject: Subject
    id: int

    def __str__(self) -> str:
        match self.subject:
            case Subject.PRODUCTS:
                return "the product list"
            case Subject.TEST:
                return f"test {self.id}"
            case Subject.BUGS:
                return f"bugs of test {self.id}"
            case _:
                return f"{self.subject.value} of product {self.id}"


THE_PRODUCT_LIST = Entity(Subject.PRODUCTS, PRODUCT_LIST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """What the mirror knows of an entity.

    `as_of`: the instant for which its rows are known, None if it was never fetched. `is_final`:
    it can no longer change. `is_whole`: nothing of it was left out, as the metrics of a test that
    was never fetched by itself. `unusable`: records that could not be used.
    `pending_deletions`: rows whose disappearance is doubted.
    """

    as_of: datetime | None = None
    is_final: bool = False
    is_whole: bool = True
    unusable: int = 0
    pending_deletions: int = 0

    def is_fresh(self, *, not_before: datetime, now: datetime) -> bool:
        """Whether the mirror's answer will do. A time to come is a clock's error: not fresh."""
        if self.as_of is None or not self.is_whole:
            return False
        return self.is_final or not_before <= self.as_of <= now

    def age_seconds(self, now: datetime) -> float | None:
        """How old the answer is; None if there is none."""
        return None if self.as_of is None else max(0.0, (now - self.as_of).total_seconds())


NEVER_FETCHED = Freshness()


class FetchState(StrEnum):
    """What became of one entity of a request."""

    REFRESHED = "refreshed"
    FRESH = "fresh"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOutcome:
    """How a fetch ended. `error` is set for FAILED; `message` may also accompany a success."""

    state: FetchState
    error: ErrorKind | None = None
    message: str = ""

    @classmethod
    def failed(cls, error: ErrorKind, message: str) -> FetchOutcome:
        """The fetch brought nothing usable."""
        return cls(state=FetchState.FAILED, error=error, message=message)
