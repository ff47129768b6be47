"""How a question is answered: which entities it needs, which are too old, which rows it gets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial

from config.settings import Settings
from rules.mirror.fetching import (
    MAX_ENTITIES,
    NEVER_FETCHED,
    THE_PRODUCT_LIST,
    Entity,
    FetchOutcome,
    FetchState,
    Freshness,
    Subject,
)
from rules.model import Kind
from service.read_through.cached_rows import CachedRows, statistics_of
from service.read_through.refreshing import Refresher
from service.read_through.single_flight import SingleFlight
from storage.engine.place import is_missing
from storage.engine.readonly import Row, open_readonly
from storage.reads import lookups
from storage.reads.lookups import RowFilter

LONGEST_SECONDS = 100 * 366 * 86_400.0
"""No row is older; a larger age means the same."""

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


class Answering:
    """Answers for one database; thread-safe. `service.read_through.api` says what is raised."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._refresher = Refresher(settings)
        self._flights: SingleFlight[tuple[Entity, float], FetchOutcome] = SingleFlight()

    def products(
        self, product_ids: Iterable[int] | None, wanted: RowFilter
    ) -> tuple[list[int], list[int]]:
        """The products whose rows are asked for, and those of them that can be fetched.

        A product that is gone is fetched no more; its rows are there for who asks for deleted ones.
        """
        stored = self._stored_products()
        if product_ids is None:
            allowed = self._settings.product_ids
            chosen = [key for key in stored if allowed is None or key in allowed]
            if allowed is not None and not chosen:
                ids = ", ".join(map(str, sorted(allowed)))
                raise CannotAnswer(
                    f"none of TESTIO_PRODUCT_IDS ({ids}) is in the product list; {LIST_AGAIN}"
                )
            living = [key for key in chosen if stored[key] is None]
            return (chosen if wanted.deleted else living), living
        chosen = sorted(set(product_ids))
        for key in chosen:
            if key not in stored:
                raise CannotAnswer(f"there is no product {key} in the product list; {LIST_AGAIN}")
            if stored[key] is not None and not wanted.deleted:
                raise CannotAnswer(f"product {key} was found to be gone at {stored[key]}")
        return chosen, [key for key in chosen if stored[key] is None]

    def tests(self, wanted: RowFilter) -> list[int]:
        """The tests in the mirror whose bugs are asked for."""
        with open_readonly(self._settings.db_path) as connection:
            return lookups.chosen_tests(connection, wanted)

    def _stored_products(self) -> Mapping[int, str | None]:
        if self._freshness([THE_PRODUCT_LIST])[THE_PRODUCT_LIST].as_of is None:
            raise CannotAnswer(f"the product list was never fetched; {FETCH_IT}")
        with open_readonly(self._settings.db_path) as connection:
            return lookups.stored_products(connection)

    def answer(
        self,
        kind: Kind,
        entities: list[Entity],
        max_age_seconds: float | None,
        wanted: RowFilter,
    ) -> CachedRows:
        """The rows wanted, after what is too old of these entities was fetched."""
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
        not_before = now - timedelta(seconds=min(max_age, LONGEST_SECONDS))
        freshness_of = self._freshness([entity for entity, _ in keys])
        old = [e for e, s in freshness_of.items() if not s.is_fresh(not_before=not_before, now=now)]
        if len(old) > MAX_ENTITIES:
            raise CannotAnswer(
                f"{len(old)} fetches would be needed, {MAX_ENTITIES} are allowed at once; "
                "ask for fewer products or tests, or allow a larger age"
            )
        fetched = self._refresher.refresh(old, not_before) if old else {}
        return {(entity, max_age): fetched.get(entity, FRESH) for entity, _ in keys}

    def _read(
        self, kind: Kind, outcomes: Mapping[Entity, FetchOutcome], wanted: RowFilter
    ) -> CachedRows:
        freshness_of = self._freshness(list(outcomes))
        now = datetime.now(UTC)
        statistics = statistics_of(outcomes, freshness_of, now)
        if is_missing(self._settings.db_path):
            return CachedRows(rows=(), statistics=statistics)
        with open_readonly(self._settings.db_path) as connection:
            rows = lookups.find_rows(connection, kind, wanted)
        failed = {entity for entity, outcome in outcomes.items() if outcome.error is not None}
        owner = OWNER[next(iter(outcomes)).subject] if outcomes else None
        return CachedRows(
            rows=tuple(_with_age(row, owner, freshness_of, failed, now) for row in rows),
            statistics=statistics,
        )

    def _freshness(self, entities: list[Entity]) -> Mapping[Entity, Freshness]:
        if is_missing(self._settings.db_path):
            return dict.fromkeys(entities, NEVER_FETCHED)
        with open_readonly(self._settings.db_path) as connection:
            return lookups.freshness_of(connection, entities)


def _with_age(
    row: Row,
    owner: Callable[[Row], Entity] | None,
    freshness_of: Mapping[Entity, Freshness],
    failed: Collection[Entity],
    now: datetime,
) -> Row:
    """The row with the age of what it was fetched with."""
    entity = None if owner is None else owner(row)
    freshness = NEVER_FETCHED if entity is None else freshness_of.get(entity, NEVER_FETCHED)
    return row | {"age_seconds": freshness.age_seconds(now), "is_stale": entity in failed}
