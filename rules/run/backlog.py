"""One phase's products: which remain, which are out with a worker, how they came out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One product handed to one worker. `attempt` is never used again."""

    attempt: int
    product_id: int
    worker: int


class Backlog:
    """Hands each product to one free worker, once, and knows when all have come back.

    Not thread-safe; one phase owns it. Workers are numbered from 0, assignments by `attempts`.
    """

    def __init__(
        self, product_ids: Iterable[int], *, workers: int, attempts: Iterator[int]
    ) -> None:
        self._waiting = deque(product_ids)
        self._workers = workers
        self._idle = deque(range(workers))
        self._out: dict[int, Assignment] = {}
        self._absent: set[int] = set()
        self._attempts = attempts
        self.total = len(self._waiting)

    @property
    def is_done(self) -> bool:
        """Whether no product waits and none is out."""
        return not self._waiting and not self._out

    @property
    def out(self) -> tuple[Assignment, ...]:
        """The products that are with a worker now."""
        return tuple(self._out.values())

    @property
    def left_over(self) -> tuple[int, ...]:
        """The free workers for which no product is left."""
        return () if self._waiting else tuple(self._idle)

    def assign(self) -> Assignment | None:
        """Hand the next product to the next free worker; None if either is lacking."""
        if not self._waiting or not self._idle:
            return None
        assignment = Assignment(
            attempt=next(self._attempts),
            product_id=self._waiting.popleft(),
            worker=self._idle.popleft(),
        )
        self._out[assignment.attempt] = assignment
        return assignment

    def complete(self, attempt: int) -> Assignment | None:
        """Take a product back and free its worker; None if that attempt is not out (any more)."""
        assignment = self._out.pop(attempt, None)
        if assignment is not None:
            self._idle.append(assignment.worker)
        return assignment

    def requeue(self, attempt: int) -> None:
        """The assignment never reached its worker: the product waits again, without it."""
        assignment = self._out.pop(attempt)
        self._waiting.appendleft(assignment.product_id)
        self._absent.add(assignment.worker)

    def worker_is_back(self, worker: int) -> None:
        """An absent worker can take products again; for a present one nothing changes."""
        if worker in self._absent:
            self._absent.remove(worker)
            self._idle.append(worker)

    def worker_joined(self, worker: int) -> None:
        """There is one worker more; one that was counted from the start may have been absent."""
        if worker >= self._workers:
            self._workers = worker + 1
            self._idle.append(worker)
        else:
            self.worker_is_back(worker)

    def drop(self, product_id: int) -> bool:
        """Give up on a product if it has not been handed out yet; whether that was so."""
        if product_id not in self._waiting:
            return False
        self._waiting.remove(product_id)
        return True

    def drop_waiting(self) -> tuple[int, ...]:
        """Give up on the products not yet handed out; returns them."""
        dropped = tuple(self._waiting)
        self._waiting.clear()
        return dropped
