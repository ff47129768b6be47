"""Read-through: rows of the mirror, fetched from the remote first where they are too old.

    from service.read_through.api import open_mirror

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

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from config.loading import load_settings
from config.settings import Settings
from rules.mirror.fetching import THE_PRODUCT_LIST, Entity, Subject
from rules.model import Kind
from service.read_through.answering import Answering, CannotAnswer
from service.read_through.cached_rows import CachedRows, CacheProblem, CacheStatistics
from storage.reads.lookups import RowFilter

__all__ = [
    "CacheProblem",
    "CacheStatistics",
    "CachedRows",
    "CannotAnswer",
    "ReadThrough",
    "RowFilter",
    "open_mirror",
]


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
        self._answering = Answering(settings)

    def get_products_cached_or_refresh(
        self, *, max_age_seconds: float | None = None, narrowed: RowFilter | None = None
    ) -> CachedRows:
        """The products of the account."""
        wanted = narrowed or RowFilter()
        answer = self._answering.answer(Kind.PRODUCTS, [THE_PRODUCT_LIST], max_age_seconds, wanted)
        if wanted.product_ids is not None and answer.statistics.oldest_age_seconds is not None:
            self._answering.products(wanted.product_ids, wanted)
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
        chosen, living = self._answering.products(product_ids, wanted)
        entities = [Entity(Subject.FEATURES, key) for key in living]
        wanted = replace(wanted, product_ids=chosen)
        return self._answering.answer(Kind.FEATURES, entities, max_age_seconds, wanted)

    def get_tests_cached_or_refresh(
        self,
        test_ids: Iterable[int] | None = None,
        *,
        product_ids: Iterable[int] | None = None,
        max_age_seconds: float | None = None,
        narrowed: RowFilter | None = None,
    ) -> CachedRows:
        """These tests, one request each; or, without `test_ids`, the tests of these products.

        Only a fetch by the id brings the metrics of a test. One with a final status is fetched so
        once since it became final, and never again.
        """
        wanted = narrowed or RowFilter()
        if test_ids is None:
            products, living = self._answering.products(product_ids, wanted)
            entities = [Entity(Subject.TESTS, key) for key in living]
            wanted = replace(wanted, product_ids=products)
            return self._answering.answer(Kind.TESTS, entities, max_age_seconds, wanted)
        chosen = sorted(set(test_ids))
        wanted = replace(wanted, test_ids=chosen, product_ids=_all(product_ids))
        entities = [Entity(Subject.TEST, key) for key in chosen]
        return self._answering.answer(Kind.TESTS, entities, max_age_seconds, wanted)

    def get_bugs_cached_or_refresh(
        self,
        test_ids: Iterable[int] | None = None,
        *,
        product_ids: Iterable[int] | None = None,
        max_age_seconds: float | None = None,
        narrowed: RowFilter | None = None,
    ) -> CachedRows:
        """The bugs of these tests, up to 15 tests a request; or of the tests of these products.

        Without `test_ids`, `narrowed.since` chooses among the tests that the mirror knows. Bugs
        of a final test that were fetched since it became final are never fetched again.
        """
        wanted = narrowed or RowFilter()
        if test_ids is None:
            wanted = replace(wanted, product_ids=self._answering.products(product_ids, wanted)[1])
            chosen = self._answering.tests(wanted)
        else:
            chosen = sorted(set(test_ids))
            wanted = replace(wanted, product_ids=_all(product_ids))
        entities = [Entity(Subject.BUGS, key) for key in chosen]
        wanted = replace(wanted, test_ids=chosen)
        return self._answering.answer(Kind.BUGS, entities, max_age_seconds, wanted)


def _all(ids: Iterable[int] | None) -> tuple[int, ...] | None:
    return None if ids is None else tuple(ids)
