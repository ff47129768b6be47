"""Read-through: rows of the mirror, fetched from the remote first where they are too old.

    from service.read_through import open_mirror

    with open_mirror() as mirror:
        answer = mirror.get_features_cached_or_refresh([18, 42])
    for row in answer.rows:
        print(row["product_id"], row["title"], row["data"]["description"])
    print(answer.statistics)

A question goes to the database alone while what it asks for is younger than CACHE_TTL_SECONDS.
Otherwise the daemon fetches it, or this process does, under the writer lock, where none runs.
Nothing here starts, plans or waits for a sync. docs/read-through.md has the details.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from config.loading import load_settings
from config.settings import Settings
from rules.fetching import (
    MAX_ENTITIES,
    NEVER_FETCHED,
    THE_PRODUCT_LIST,
    Entity,
    FetchOutcome,
    FetchState,
    Standing,
    Subject,
)
from rules.model import Kind
from service.cached_rows import CachedRows, CacheProblem, CacheStatistics, statistics_of
from service.flights import Flights
from service.refreshing import Refresher
from storage import lookups
from storage.lookups import RowFilter
from storage.queries import Row, open_readonly

__all__ = [
    "CacheProblem",
    "CacheStatistics",
    "CachedRows",
    "CannotAnswer",
    "ReadThrough",
    "RowFilter",
    "open_mirror",
]

FRESH = FetchOutcome(state=FetchState.FRESH)
FETCH_IT = "run `testio-sync products` or `testio-sync sync` first"
LIST_AGAIN = "if it is new, run `testio-sync products --max-age 0` first"

OWNER: dict[Subject, Callable[[Row], Entity]] = {
    Subject.PRODUCTS: lambda _row: THE_PRODUCT_LIST,
    Subject.FEATURES: lambda row: Entity(Subject.FEATURES, row["product_id"]),
    Subject.TESTS: lambda row: Entity(Subject.TESTS, row["product_id"]),
    Subject.TEST: lambda row: Entity(Subject.TEST, row["id"]),
    Subject.BUGS: lambda row: Entity(Subject.BUGS, row["test_id"]),
}
"""The entity that a row was fetched with."""


class CannotAnswer(Exception):
    """The question names what the mirror does not know, or asks for too much; the text says so."""


@contextmanager
def open_mirror(settings: Settings | None = None) -> Iterator[ReadThrough]:
    """A handle for programs; settings come from the environment, unless they are given.

    Raises SettingsError. The handle may be used from any number of threads; they share fetches.
    """
    yield ReadThrough(load_settings(flags={}) if settings is None else settings)


class ReadThrough:
    """Questions to the mirror of one database, answered from the cache or refreshed first.

    Thread-safe: threads that ask for the same at once share one fetch, and its failure. Across
    processes the daemon does that, else the writer lock. Every method returns stale rows with
    their age where the remote fails, and raises CannotAnswer, LockHeld (no daemon runs, and
    another process does not let go of the lock), another StorageError, SettingsError (a fetch is
    needed and there is no token) or ControlError.

    `max_age_seconds` None means CACHE_TTL_SECONDS; 0 always fetches. `narrowed` chooses among the
    rows; what is fetched does not depend on it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._refresher = Refresher(settings)
        self._flights: Flights[tuple[Entity, float], FetchOutcome] = Flights()

    def get_products_cached_or_refresh(
        self, *, max_age_seconds: float | None = None, narrowed: RowFilter | None = None
    ) -> CachedRows:
        """The products of the account."""
        wanted = narrowed or RowFilter()
        answer = self._answer(Kind.PRODUCTS, [THE_PRODUCT_LIST], max_age_seconds, wanted)
        if wanted.product_ids is not None and answer.statistics.oldest_age_seconds is not None:
            self._products(wanted.product_ids, wanted)
        return answer

    def get_features_cached_or_refresh(
        self,
        product_ids: Iterable[int] | None = None,
        *,
        max_age_seconds: float | None = None,
        narrowed: RowFilter | None = None,
    ) -> CachedRows:
        """The features of these products; None means all that the mirror knows."""
        wanted = narrowed or RowFilter()
        chosen, living = self._products(product_ids, wanted)
        entities = [Entity(Subject.FEATURES, key) for key in living]
        wanted = replace(wanted, product_ids=chosen)
        return self._answer(Kind.FEATURES, entities, max_age_seconds, wanted)

    def get_tests_cached_or_refresh(
        self,
        test_ids: Iterable[int] | None = None,
        *,
        product_ids: Iterable[int] | None = None,
        max_age_seconds: float | None = None,
        narrowed: RowFilter | None = None,
    ) -> CachedRows:
        """These tests, one request each; or, without `test_ids`, the tests of these products.

        A test with a final status is never fetched by its id again.
        """
        wanted = narrowed or RowFilter()
        if test_ids is None:
            products, living = self._products(product_ids, wanted)
            entities = [Entity(Subject.TESTS, key) for key in living]
            wanted = replace(wanted, product_ids=products)
            return self._answer(Kind.TESTS, entities, max_age_seconds, wanted)
        chosen = sorted(set(test_ids))
        wanted = replace(wanted, test_ids=chosen, product_ids=_all(product_ids))
        entities = [Entity(Subject.TEST, key) for key in chosen]
        return self._answer(Kind.TESTS, entities, max_age_seconds, wanted)

    def get_bugs_cached_or_refresh(
        self,
        test_ids: Iterable[int] | None = None,
        *,
        product_ids: Iterable[int] | None = None,
        max_age_seconds: float | None = None,
        narrowed: RowFilter | None = None,
    ) -> CachedRows:
        """The bugs of these tests, one request each; or of the tests of these products.

        Without `test_ids`, `narrowed.since` chooses among the tests that the mirror knows. Bugs
        of a final test that were fetched since it became final are never fetched again.
        """
        wanted = narrowed or RowFilter()
        if test_ids is None:
            wanted = replace(wanted, product_ids=self._products(product_ids, wanted)[1])
            with open_readonly(self._settings.db_path) as connection:
                chosen = lookups.chosen_tests(connection, wanted)
        else:
            chosen = sorted(set(test_ids))
            wanted = replace(wanted, product_ids=_all(product_ids))
        entities = [Entity(Subject.BUGS, key) for key in chosen]
        wanted = replace(wanted, test_ids=chosen)
        return self._answer(Kind.BUGS, entities, max_age_seconds, wanted)

    # -- how --------------------------------------------------------------------------------------

    def _products(
        self, product_ids: Iterable[int] | None, wanted: RowFilter
    ) -> tuple[list[int], list[int]]:
        """The products whose rows are asked for, and those of them that can be fetched.

        A product that is gone is fetched no more; its rows are there for who asks for deleted ones.
        """
        held = self._products_held()
        if product_ids is None:
            allowed = self._settings.product_ids
            chosen = [key for key in held if allowed is None or key in allowed]
            living = [key for key in chosen if held[key] is None]
            return (chosen if wanted.deleted else living), living
        chosen = sorted(set(product_ids))
        for key in chosen:
            if key not in held:
                raise CannotAnswer(f"there is no product {key} in the product list; {LIST_AGAIN}")
            if held[key] is not None and not wanted.deleted:
                raise CannotAnswer(f"product {key} was found to be gone at {held[key]}")
        return chosen, [key for key in chosen if held[key] is None]

    def _products_held(self) -> Mapping[int, str | None]:
        if self._standings([THE_PRODUCT_LIST])[THE_PRODUCT_LIST].as_of is None:
            raise CannotAnswer(f"the product list was never fetched; {FETCH_IT}")
        with open_readonly(self._settings.db_path) as connection:
            return lookups.products_held(connection)

    def _answer(
        self,
        kind: Kind,
        entities: list[Entity],
        max_age_seconds: float | None,
        wanted: RowFilter,
    ) -> CachedRows:
        max_age = self._settings.cache_ttl_seconds if max_age_seconds is None else max_age_seconds
        keys = [(entity, max_age) for entity in entities]
        flown = self._flights.run_all(keys, partial(self._ensure, max_age))
        outcomes = {entity: outcome for (entity, _), outcome in flown.items()}
        return self._read(kind, outcomes, wanted)

    def _ensure(
        self, max_age: float, keys: list[tuple[Entity, float]]
    ) -> Mapping[tuple[Entity, float], FetchOutcome]:
        """Have fetched what is too old."""
        now = datetime.now(UTC)
        not_before = now - timedelta(seconds=max_age)
        standings = self._standings([entity for entity, _ in keys])
        old = [e for e, s in standings.items() if not s.is_fresh(not_before=not_before, now=now)]
        if len(old) > MAX_ENTITIES:
            raise CannotAnswer(
                f"{len(old)} requests would be needed, {MAX_ENTITIES} are allowed at once; "
                "ask for fewer products or tests, or allow a larger age"
            )
        fetched = self._refresher.refresh(old, not_before) if old else {}
        return {(entity, max_age): fetched.get(entity, FRESH) for entity, _ in keys}

    def _read(
        self, kind: Kind, outcomes: Mapping[Entity, FetchOutcome], wanted: RowFilter
    ) -> CachedRows:
        standings = self._standings(list(outcomes))
        now = datetime.now(UTC)
        statistics = statistics_of(outcomes, standings, now)
        if not self._settings.db_path.exists():
            return CachedRows(rows=(), statistics=statistics)
        with open_readonly(self._settings.db_path) as connection:
            rows = lookups.find_rows(connection, kind, wanted)
        failed = {entity for entity, outcome in outcomes.items() if outcome.error is not None}
        owner = OWNER[next(iter(outcomes)).subject] if outcomes else None
        return CachedRows(
            rows=tuple(_with_age(row, owner, standings, failed, now) for row in rows),
            statistics=statistics,
        )

    def _standings(self, entities: list[Entity]) -> Mapping[Entity, Standing]:
        if not self._settings.db_path.exists():
            return dict.fromkeys(entities, NEVER_FETCHED)
        with open_readonly(self._settings.db_path) as connection:
            return lookups.standings(connection, entities)


def _with_age(
    row: Row,
    owner: Callable[[Row], Entity] | None,
    standings: Mapping[Entity, Standing],
    failed: Collection[Entity],
    now: datetime,
) -> Row:
    """The row with the age of what it was fetched with."""
    entity = None if owner is None else owner(row)
    standing = NEVER_FETCHED if entity is None else standings.get(entity, NEVER_FETCHED)
    return row | {"age_seconds": standing.age_seconds(now), "is_stale": entity in failed}


def _all(ids: Iterable[int] | None) -> tuple[int, ...] | None:
    return None if ids is None else tuple(ids)
