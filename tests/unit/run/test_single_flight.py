"""One piece of work per key, however many threads ask for it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from service.read_through.single_flight import SingleFlight

THREADS = 20


def ask_at_once(calls: SingleFlight[str, int], answer: int | Exception) -> list[object]:
    """What each of many threads gets that ask while the work is under way."""
    begun, end = threading.Event(), threading.Event()

    def work() -> int:
        begun.set()
        assert end.wait(5.0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ask() -> object:
        try:
            return calls.run("key", work)
        except ValueError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        asked = [pool.submit(ask)]
        assert begun.wait(5.0)
        asked += [pool.submit(ask) for _ in range(THREADS - 1)]
        while sum(future.running() for future in asked) < THREADS:
            time.sleep(0.001)
        end.set()
        return [future.result(5.0) for future in asked]


def test_who_asks_at_once_shares_one_result() -> None:
    assert ask_at_once(SingleFlight(), 7) == [7] * THREADS


def test_who_asks_at_once_shares_a_failure_and_the_next_one_tries_again() -> None:
    calls: SingleFlight[str, int] = SingleFlight()
    failure = ValueError("no")
    assert set(ask_at_once(calls, failure)) == {failure}
    assert calls.run("key", lambda: 1) == 1


def test_work_is_asked_for_what_nobody_is_at() -> None:
    calls: SingleFlight[str, int] = SingleFlight()
    asked: list[list[str]] = []

    def outer(keys: list[str]) -> dict[str, int]:
        asked.append(keys)
        return dict.fromkeys(keys, 1)

    assert calls.run_all(["a", "b", "a"], outer) == {"a": 1, "b": 1}
    assert asked == [["a", "b"]]


def test_work_that_forgets_a_key_fails_and_leaves_nothing_behind() -> None:
    calls: SingleFlight[str, int] = SingleFlight()
    with pytest.raises(KeyError):
        calls.run_all(["a"], lambda _keys: {})
    assert calls.run("a", lambda: 2) == 2
