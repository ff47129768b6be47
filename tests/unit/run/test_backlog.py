"""A phase's products: each handed out once, each worker with one at most, all back once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rules.run.backlog import Assignment, Backlog
from tests.examples import examples


@dataclass
class Model:
    """What the backlog should hold, kept in the plainest way."""

    waiting: list[int]
    free: set[int]
    absent: set[int] = field(default_factory=set)
    out: dict[int, Assignment] = field(default_factory=dict)
    finished: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    retracted: dict[int, int] = field(default_factory=dict)
    handed_out: dict[int, int] = field(default_factory=dict)
    attempts: list[int] = field(default_factory=list)


class BacklogMachine(RuleBasedStateMachine):
    """Any sequence of what a phase may do, against the model."""

    @initialize(
        products=st.lists(st.integers(1, 50), unique=True, max_size=12),
        workers=st.integers(1, 5),
        first_attempt=st.integers(1, 1_000),
    )
    def begin(self, products: list[int], workers: int, first_attempt: int) -> None:
        self.products = products
        self.first_attempt = first_attempt
        self.workers = workers
        self.backlog = Backlog(products, workers=workers, attempts=itertools.count(first_attempt))
        self.model = Model(waiting=list(products), free=set(range(workers)))

    @rule()
    def assign(self) -> None:
        expected_attempt = self.first_attempt + len(self.model.attempts)
        got = self.backlog.assign()
        if not self.model.waiting or not self.model.free:
            assert got is None, f"{got}, with {self.model}"
            return
        assert got is not None, f"nothing handed out, with {self.model}"
        assert got.attempt == expected_attempt
        assert got.product_id == self.model.waiting.pop(0), "not the next product"
        assert got.worker in self.model.free, f"worker {got.worker} is not free: {self.model}"
        self.model.free.remove(got.worker)
        self.model.out[got.attempt] = got
        self.model.attempts.append(got.attempt)
        handed_out = self.model.handed_out
        handed_out[got.product_id] = handed_out.get(got.product_id, 0) + 1

    @precondition(lambda self: self.model.out)
    @rule(data=st.data())
    def complete(self, data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(sorted(self.model.out)))
        expected = self.model.out.pop(attempt)
        assert self.backlog.complete(attempt) == expected
        assert self.backlog.complete(attempt) is None, f"attempt {attempt} came back twice"
        self.model.free.add(expected.worker)
        self.model.finished.append(expected.product_id)

    @rule(attempt=st.integers(-5, 1_100))
    def what_is_not_out_cannot_come_back(self, attempt: int) -> None:
        if attempt not in self.model.out:
            assert self.backlog.complete(attempt) is None

    @precondition(lambda self: self.model.out)
    @rule(data=st.data())
    def requeue(self, data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(sorted(self.model.out)))
        gone = self.model.out.pop(attempt)
        self.backlog.requeue(attempt)
        self.model.waiting.insert(0, gone.product_id)
        self.model.absent.add(gone.worker)
        self.model.retracted[gone.product_id] = self.model.retracted.get(gone.product_id, 0) + 1

    @rule(data=st.data())
    def worker_is_back(self, data: st.DataObject) -> None:
        worker = data.draw(st.integers(0, self.workers - 1))
        self.backlog.worker_is_back(worker)
        if worker in self.model.absent:
            self.model.absent.remove(worker)
            self.model.free.add(worker)

    @rule(worker=st.integers(0, 7))
    def a_worker_joins(self, worker: int) -> None:
        worker = min(worker, self.workers)
        self.backlog.worker_joined(worker)
        if worker == self.workers:
            self.workers += 1
            self.model.free.add(worker)
        elif worker in self.model.absent:
            self.model.absent.remove(worker)
            self.model.free.add(worker)

    @rule(product=st.integers(1, 50))
    def drop(self, product: int) -> None:
        waits = product in self.model.waiting
        assert self.backlog.drop(product) == waits
        if waits:
            self.model.waiting.remove(product)
            self.model.dropped.append(product)

    @rule()
    def drop_waiting(self) -> None:
        assert self.backlog.drop_waiting() == tuple(self.model.waiting)
        self.model.dropped += self.model.waiting
        self.model.waiting.clear()

    @invariant()
    def all_that_is_out_is_known(self) -> None:
        assert set(self.backlog.out) == set(self.model.out.values())
        workers = [assignment.worker for assignment in self.backlog.out]
        assert len(workers) == len(set(workers)), f"a worker has two products: {self.backlog.out}"

    @invariant()
    def each_product_is_in_one_place(self) -> None:
        out = [assignment.product_id for assignment in self.backlog.out]
        places = [*self.model.waiting, *out, *self.model.finished, *self.model.dropped]
        assert sorted(places) == sorted(self.products), f"{places} of {self.products}"
        assert self.backlog.total == len(self.products)

    @invariant()
    def no_product_is_handed_out_again_unless_it_was_retracted(self) -> None:
        for product, times in self.model.handed_out.items():
            allowed = 1 + self.model.retracted.get(product, 0)
            assert times <= allowed, f"product {product}: {times} times, {allowed} allowed"
        attempts = self.model.attempts
        assert attempts == sorted(set(attempts)), f"attempts are not unique: {attempts}"

    @invariant()
    def it_is_done_when_nothing_waits_and_nothing_is_out(self) -> None:
        assert self.backlog.is_done == (not self.model.waiting and not self.model.out)


BacklogMachine.TestCase.settings = settings(examples(150), stateful_step_count=40)
TestBacklog = BacklogMachine.TestCase


@pytest.mark.parametrize("workers", [1, 2, 3, 50])
def test_every_product_comes_back_exactly_once(workers: int) -> None:
    backlog = Backlog(range(1, 21), workers=workers, attempts=itertools.count(7))
    finished: list[int] = []
    while not backlog.is_done:
        while backlog.assign() is not None:
            pass
        assert 1 <= len(backlog.out) <= workers, f"out: {backlog.out}"
        back = backlog.complete(backlog.out[-1].attempt)
        assert back is not None
        finished.append(back.product_id)
    assert sorted(finished) == list(range(1, 21))


def test_a_phase_without_products_is_done_at_once() -> None:
    backlog = Backlog([], workers=3, attempts=itertools.count(1))
    assert (backlog.is_done, backlog.assign(), backlog.drop_waiting()) == (True, None, ())


def test_a_retracted_product_is_the_next_one_and_goes_to_another_worker() -> None:
    backlog = Backlog([11, 12, 13], workers=2, attempts=itertools.count(1))
    first = backlog.assign()
    assert first is not None
    backlog.requeue(first.attempt)
    again = backlog.assign()
    assert again is not None
    assert again.product_id == first.product_id
    assert again.worker != first.worker
    assert again.attempt != first.attempt
    assert backlog.assign() is None, "the worker that did not answer was given a product"
    backlog.worker_is_back(first.worker)
    after = backlog.assign()
    assert after is not None
    assert (after.product_id, after.worker) == (12, first.worker)


def test_a_worker_that_was_never_absent_gets_no_second_product_by_coming_back() -> None:
    backlog = Backlog([11, 12], workers=1, attempts=itertools.count(1))
    assert backlog.assign() is not None
    backlog.worker_is_back(0)
    assert backlog.assign() is None


def test_workers_are_left_over_once_no_product_waits() -> None:
    backlog = Backlog([11], workers=3, attempts=itertools.count(1))
    assert not backlog.left_over
    backlog.assign()
    assert backlog.left_over == (1, 2)


def test_a_product_can_be_given_up_only_while_it_waits() -> None:
    backlog = Backlog([11, 12], workers=1, attempts=itertools.count(1))
    backlog.assign()
    assert backlog.drop(11) is False, "it is out"
    assert backlog.drop(12) is True
    assert backlog.drop(12) is False
    assert backlog.drop_waiting() == ()


def test_an_absent_worker_that_joins_is_back() -> None:
    backlog = Backlog([11], workers=1, attempts=itertools.count(1))
    first = backlog.assign()
    assert first is not None
    backlog.requeue(first.attempt)
    assert backlog.assign() is None
    backlog.worker_joined(0)
    again = backlog.assign()
    assert again is not None
    assert (again.worker, again.product_id) == (0, 11)
