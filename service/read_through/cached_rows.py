"""What read-through answers: rows with their age, and what the cache did for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rules.diagnosis.entries import DELETIONS, PROBLEMS
from rules.mirror.fetching import Entity, FetchOutcome, FetchState, Freshness
from rules.model import ErrorKind
from rules.text.wording import counted
from storage.engine.readonly import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheProblem:
    """Why an entity's rows are not all that they should be.

    `age_seconds`: how old its rows are; None where it was never fetched, so there are none.
    """

    entity: Entity
    error: ErrorKind
    message: str
    age_seconds: float | None

    def __str__(self) -> str:
        return f"{self.entity}: {self.error.value}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStatistics:
    """What the cache did for one question, in entities (a product's features, a test's bugs).

    `hits` were fresh, or can no longer change; `refreshed` were fetched just now, by whoever;
    `stale` are older than asked for, or were never fetched, because the fetch failed: `errors`
    says why. `errors` also tells of records that could not be used. `oldest_age_seconds` is the
    largest age of what can still change; None if there is no such thing.
    """

    hits: int = 0
    refreshed: int = 0
    stale: int = 0
    oldest_age_seconds: float | None = None
    errors: tuple[CacheProblem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the rows are all there are, and none is older than asked for."""
        return not self.stale and not self.errors


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedRows:
    """Rows of the mirror, as dictionaries of their columns.

    `data` and lists are decoded. Each row also has `age_seconds`, and `is_stale`: whether that is
    more than was asked for.
    """

    rows: tuple[Row, ...]
    statistics: CacheStatistics


def statistics_of(
    outcomes: Mapping[Entity, FetchOutcome],
    freshness_of: Mapping[Entity, Freshness],
    now: datetime,
) -> CacheStatistics:
    """Sum up what became of each entity."""
    ages = [s.age_seconds(now) for s in freshness_of.values() if not s.is_final]
    states = [outcome.state for outcome in outcomes.values()]
    return CacheStatistics(
        hits=states.count(FetchState.FRESH),
        refreshed=states.count(FetchState.REFRESHED),
        stale=states.count(FetchState.FAILED),
        oldest_age_seconds=max((age for age in ages if age is not None), default=None),
        errors=tuple(
            problem
            for entity, outcome in outcomes.items()
            for problem in _problems(entity, outcome, freshness_of[entity], now)
        ),
        notes=tuple(
            f"{entity}: {outcome.message}"
            for entity, outcome in outcomes.items()
            if outcome.message and outcome.error is None
        ),
    )


def _problems(
    entity: Entity, outcome: FetchOutcome, freshness: Freshness, now: datetime
) -> list[CacheProblem]:
    found: list[tuple[ErrorKind, str]] = []
    if outcome.error is not None:
        found.append((outcome.error, outcome.message))
    if freshness.unusable:
        records = counted(freshness.unusable, "record")
        found.append((ErrorKind.BAD_ROWS, f"{records} cannot be used; see `{PROBLEMS}`"))
    if freshness.pending_deletions:
        rows = counted(freshness.pending_deletions, "row")
        message = f"the remote lacks {rows}; not believed, see `{DELETIONS}`"
        found.append((ErrorKind.HELD, message))
    age = freshness.age_seconds(now)
    return [
        CacheProblem(entity=entity, error=error, message=message, age_seconds=age)
        for error, message in found
    ]
