"""One piece of work per key, however many threads ask for it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """Work under way, by key. Whoever asks meanwhile gets the same result, or the same failure.

    Thread-safe. Work for one key must never wait for work on a key that waits for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[K, Future[V]] = {}

    def run(self, key: K, work: Callable[[], V]) -> V:
        """The result of `work`, or that of the same work where another thread is at it."""
        return self.run_all([key], lambda _keys: {key: work()})[key]

    def run_all(self, keys: Iterable[K], work: Callable[[list[K]], Mapping[K, V]]) -> dict[K, V]:
        """The results for all keys; `work` is called with those that nobody is at. Raises as it."""
        mine, calls = self._board(keys)
        if mine:
            self._land(mine, work)
        return {key: flight.result() for key, flight in calls.items()}

    def _board(self, keys: Iterable[K]) -> tuple[dict[K, Future[V]], dict[K, Future[V]]]:
        mine: dict[K, Future[V]] = {}
        calls: dict[K, Future[V]] = {}
        with self._lock:
            for key in dict.fromkeys(keys):
                if key not in self._under_way:
                    self._under_way[key] = mine[key] = Future()
                calls[key] = self._under_way[key]
        return mine, calls

    def _land(self, mine: dict[K, Future[V]], work: Callable[[list[K]], Mapping[K, V]]) -> None:
        try:
            results = work(list(mine))
            landed: list[tuple[Future[V], V]] = [(mine[key], results[key]) for key in mine]
        except BaseException as error:
            self._clear(mine)
            for flight in mine.values():
                flight.set_exception(error)
            raise
        self._clear(mine)
        for flight, result in landed:
            flight.set_result(result)

    def _clear(self, mine: Iterable[K]) -> None:
        with self._lock:
            for key in mine:
                del self._under_way[key]
