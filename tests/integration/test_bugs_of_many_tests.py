"""The bugs of many tests in few requests: each test's are known by themselves."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import requests

from config.settings import Settings
from rules.model import ErrorKind
from service.read_through.api import ReadThrough
from service.read_through.cached_rows import CachedRows
from simulator import Simulator
from simulator.details import bugs
from tests.integration.test_read_through import LONG_AGO, paths, products_of, settings_for, write

NUMBER = 60


@pytest.fixture
def simulator(make_simulator: Callable[..., Simulator]) -> Simulator:
    return make_simulator(products=1, features=0, tests=NUMBER)


@pytest.fixture
def settings(tmp_path: Path, simulator: Simulator) -> Settings:
    return settings_for(tmp_path, simulator, HTTP_TIMEOUT_SECONDS="5")


@pytest.fixture
def mirror(settings: Settings, simulator: Simulator) -> ReadThrough:
    """A mirror that knows the product and its tests, and none of their bugs."""
    made = ReadThrough(settings)
    made.get_products_cached_or_refresh()
    made.get_tests_cached_or_refresh(product_ids=products_of(simulator))
    simulator.forget_requests()
    return made


@pytest.fixture
def tests(simulator: Simulator) -> list[int]:
    [rows] = simulator.account()["tests"].values()
    return [row["id"] for row in rows]


def asked(simulator: Simulator) -> list[int]:
    """Of how many tests each request asked for the bugs."""
    return [
        len(line.query["filter_test_cycle_ids"][0].split(","))
        for line in simulator.requests()
        if line.path.endswith("/bugs")
    ]


def truth(test_ids: list[int]) -> set[tuple[int, int]]:
    return {(bug["id"], key) for key in test_ids for bug in bugs(1, key)}


def told(answer: CachedRows) -> set[tuple[int, int]]:
    return {(row["id"], row["test_id"]) for row in answer.rows}


def test_sixty_tests_take_at_most_eight_requests(
    mirror: ReadThrough, simulator: Simulator, tests: list[int]
) -> None:
    answer = mirror.get_bugs_cached_or_refresh(tests)
    assert answer.statistics.is_complete
    assert answer.statistics.refreshed == NUMBER
    assert told(answer) == truth(tests)
    assert asked(simulator) == [15] * 4
    assert mirror.get_bugs_cached_or_refresh(tests).statistics.hits == NUMBER
    assert len(asked(simulator)) == 4


def test_each_test_has_a_freshness_of_its_own(
    mirror: ReadThrough, settings: Settings, simulator: Simulator, tests: list[int]
) -> None:
    mirror.get_bugs_cached_or_refresh(tests)
    old = tests[::7]
    ids = ", ".join(map(str, old))
    write(settings, f"UPDATE fetches SET fetched_at = '{LONG_AGO}' WHERE entity_id IN ({ids})")
    write(settings, f"UPDATE tests SET changed_at = '{LONG_AGO}', status = 'running'")
    simulator.forget_requests()
    answer = mirror.get_bugs_cached_or_refresh(tests)
    assert answer.statistics.refreshed == len(old)
    assert asked(simulator) == [len(old)]


def test_bugs_that_do_not_say_whose_they_are_are_asked_for_test_by_test(
    mirror: ReadThrough, simulator: Simulator, tests: list[int]
) -> None:
    silent = next(key for key in tests[20:] if bugs(1, key))
    simulator.add_fault(kind="anonymous_bugs", test_id=silent)
    answer = mirror.get_bugs_cached_or_refresh(tests)
    assert answer.statistics.is_complete
    assert told(answer) == truth(tests)
    assert sorted(asked(simulator)) == [1] * 15 + [15] * 4


def test_one_sick_test_costs_no_other(
    mirror: ReadThrough, simulator: Simulator, tests: list[int]
) -> None:
    sick = tests[3]
    simulator.add_fault(kind="poison", test_id=sick, path="/bugs")
    answer = mirror.get_bugs_cached_or_refresh(tests)
    [problem] = answer.statistics.errors
    assert (problem.entity.id, problem.error) == (sick, ErrorKind.SERVER_ERROR)
    others = [key for key in tests if key != sick]
    assert told(answer) == truth(others)
    assert len(asked(simulator)) <= 4 + 3 + 5 + 2, "15, 5, 1, and two retries of the sick one"


def test_what_is_too_slow_is_asked_for_of_fewer_tests_for_the_rest_of_the_call(
    mirror: ReadThrough, simulator: Simulator, tests: list[int]
) -> None:
    most = max(sum(len(bugs(1, key)) for key in tests[i : i + 5]) for i in range(NUMBER - 5))
    simulator.add_fault(kind="slow_rows", seconds=0.001, gives_up=(most + 1) / 1000, path="/bugs")
    answer = mirror.get_bugs_cached_or_refresh(tests)
    assert answer.statistics.is_complete
    assert told(answer) == truth(tests)
    sizes = asked(simulator)
    assert set(sizes) <= {15, 5}
    assert sizes.count(15) <= 4
    assert sizes.count(5) <= 12


def test_a_remote_that_fails_altogether_is_not_asked_for_each_test(
    mirror: ReadThrough, simulator: Simulator, tests: list[int]
) -> None:
    simulator.add_fault(kind="status", status=500, path="/bugs")
    answer = mirror.get_bugs_cached_or_refresh(tests)
    assert answer.statistics.stale == NUMBER
    assert {problem.error for problem in answer.statistics.errors} == {ErrorKind.SERVER_ERROR}
    assert len(asked(simulator)) <= 4 * (1 + 3 + 4) + 2
    assert len(asked(simulator)) < NUMBER


def test_a_refused_token_is_asked_about_once_for_all(
    mirror: ReadThrough, simulator: Simulator, tests: list[int]
) -> None:
    simulator.revoke_token()
    answer = mirror.get_bugs_cached_or_refresh(tests)
    assert {problem.error for problem in answer.statistics.errors} == {ErrorKind.UNAUTHORIZED}
    assert answer.statistics.stale == NUMBER
    assert len(asked(simulator)) <= 4


def test_a_test_that_does_not_exist_is_found_out_among_others(
    mirror: ReadThrough, simulator: Simulator, tests: list[int]
) -> None:
    answer = mirror.get_bugs_cached_or_refresh([*tests[:10], 999_999])
    [problem] = answer.statistics.errors
    assert (problem.entity.id, problem.error) == (999_999, ErrorKind.NOT_FOUND)
    assert answer.statistics.refreshed == 10
    assert asked(simulator) == [10]
    assert paths(simulator)["/exploratory_tests/999999"] == 1


def test_tests_asked_for_by_several_at_once_are_fetched_once(
    mirror: ReadThrough, simulator: Simulator, tests: list[int]
) -> None:
    simulator.add_fault(kind="slow", seconds=0.3)
    answers: list[CachedRows] = []
    wanted = [tests[:40], tests[20:], tests]
    threads = [
        threading.Thread(
            target=lambda ids=ids: answers.append(mirror.get_bugs_cached_or_refresh(ids))
        )
        for ids in wanted
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10.0)
    assert all(answer.statistics.is_complete for answer in answers)
    assert sum(asked(simulator)) == NUMBER, "each once"
    assert {len(answer.rows) for answer in answers} >= {len(truth(tests))}


def test_a_foreign_answer_is_refused_and_stores_nothing(
    mirror: ReadThrough, settings: Settings, simulator: Simulator, tests: list[int]
) -> None:
    one, *_ = (key for key in tests if bugs(1, key))
    other = next(key for key in tests if bugs(1, key) and key != one)
    body = simulator_answer(simulator, other)
    simulator.add_fault(kind="status", status=200, body=body, path="/bugs")
    answer = mirror.get_bugs_cached_or_refresh([one])
    assert [problem.error for problem in answer.statistics.errors] == [ErrorKind.BAD_PAYLOAD]
    assert answer.rows == ()
    with closing(sqlite3.connect(settings.db_path)) as connection:
        assert connection.execute("SELECT count(*) FROM bugs").fetchone() == (0,)


def simulator_answer(simulator: Simulator, test_id: int) -> str:
    found = requests.get(
        f"{simulator.base_url}/bugs",
        params={"filter_test_cycle_ids": test_id},
        headers={"Authorization": f"Token {simulator.token}"},
        timeout=5,
    )
    return found.text
