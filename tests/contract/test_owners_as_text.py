"""Whose a record is may be told as a number or as text; it is the same owner (rule 10)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.records import MAX_ID
from testio import payloads
from testio.errors import BadPayload

MINE, OTHERS = 18, 1211
ids = st.integers(1, MAX_ID)


def tests_of(*products: Any) -> bytes:
    rows = [
        {"id": number, "product": {"id": product}} for number, product in enumerate(products, 1)
    ]
    return json.dumps({"exploratory_tests": rows}).encode()


@given(mine=ids, others=ids)
def test_a_number_and_its_text_are_the_same_owner(mine: int, others: int) -> None:
    body = tests_of(mine, str(mine), mine, others, str(others))
    rows = payloads.tests(body, mine, offset=0)
    same = mine == others
    assert [record.id for record in rows.records] == ([1, 2, 3, 4, 5] if same else [1, 2, 3])
    reason = f"the test belongs to product {others}, asked for were those of {mine}"
    assert {row.reason for row in rows.bad_rows} == (set() if same else {reason})


def test_a_list_of_another_product_is_refused_whole() -> None:
    with pytest.raises(BadPayload, match=f"belongs to product {OTHERS}"):
        payloads.tests(tests_of(str(OTHERS), str(OTHERS)), MINE, offset=0)


def test_a_single_test_is_the_product_s_that_it_names() -> None:
    body = json.dumps({"exploratory_test": {"id": 5, "product": {"id": str(OTHERS)}}}).encode()
    assert payloads.test(body, MINE).product_id == OTHERS
    assert payloads.test(body, None).product_id == OTHERS


@pytest.mark.parametrize("told", ["one", "", "-1", "1.0", "٣", "9" * 19, "9" * 500, None, [], {}])
def test_what_is_no_number_says_nothing(told: object) -> None:
    [record] = payloads.tests(tests_of(told), MINE, offset=0).records
    assert record.product_id == MINE


def test_bugs_of_a_test_named_by_text_are_that_tests_and_no_other_s() -> None:
    bugs = [{"id": 1, "test": {"id": "7"}}, {"id": 2, "test": {"id": 8}}]
    found = payloads.bugs(json.dumps({"bugs": bugs}).encode(), (7, 8))
    assert found is not None
    assert {key: [bug.id for bug in rows.records] for key, rows in found.items()} == {
        7: [1],
        8: [2],
    }
    with pytest.raises(BadPayload, match="a bug of test 7"):
        payloads.bugs(json.dumps({"bugs": bugs[:1]}).encode(), (9,))
