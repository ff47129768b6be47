"""However many problems a run has, they are a few lines, and none is lost in the count."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from rules.model import ErrorKind, Problem, SyncPhase
from rules.run.problem_lines import LINES, problem_lines

problems = st.builds(
    Problem,
    kind=st.sampled_from([ErrorKind.TIMEOUT, ErrorKind.SERVER_ERROR]),
    message=st.sampled_from(["slow", "500", "502", "reset"]),
    phase=st.none() | st.sampled_from(SyncPhase),
    product_id=st.none() | st.integers(1, 99),
)


@given(st.lists(problems, max_size=80))
def test_the_lines_are_few_and_each_problem_is_counted(given_problems: list[Problem]) -> None:
    lines, left = problem_lines(given_problems)
    assert len(lines) <= LINES
    more = sum(int(n) for line in lines for n in re.findall(r" and (\d+) more", line))
    assert len(lines) + more + left == len(given_problems)


def test_alike_ones_are_one_line_and_different_ones_keep_their_own() -> None:
    down = [
        Problem(
            kind=ErrorKind.CONNECTION_FAILED,
            message="refused",
            phase=SyncPhase.FEATURES,
            product_id=number,
        )
        for number in range(1, 21)
    ]
    gone = Problem(kind=ErrorKind.NOT_FOUND, message="no such product", product_id=18)
    assert problem_lines([gone, *down]) == (
        [
            "product 18: not_found: no such product",
            "product 1 and 19 more, features: connection_failed: refused",
        ],
        0,
    )


def a_problem(number: int, message: str) -> Problem:
    return Problem(kind=ErrorKind.TIMEOUT, message=message, product_id=number)


def test_of_too_many_kinds_the_most_frequent_are_told() -> None:
    few = [a_problem(n, f"m{n}") for n in range(1, LINES + 1)]
    twice = [a_problem(100, "last"), a_problem(101, "last")]
    lines, left = problem_lines([*few, *twice])
    assert lines[0] == "product 100 and 1 more: timeout: last"
    assert (len(lines), left) == (LINES, 1)


def test_as_long_as_there_is_room_they_stand_in_the_order_in_which_they_came() -> None:
    few = [a_problem(n, f"m{n}") for n in range(1, LINES)]
    lines, left = problem_lines([*few, a_problem(100, "last"), a_problem(101, "last")])
    assert lines[0] == "product 1: timeout: m1"
    assert lines[-1] == "product 100 and 1 more: timeout: last"
    assert left == 0


def test_what_belongs_to_no_product_is_the_accounts() -> None:
    refused = Problem(kind=ErrorKind.UNAUTHORIZED, message="401")
    assert problem_lines([refused]) == (["the account: unauthorized: 401"], 0)
