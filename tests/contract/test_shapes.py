"""Answers of another shape than the vendor's examples: what of them is still usable."""

from __future__ import annotations

import orjson
import pytest

from testio import payloads
from testio.errors import BadPayload


def feature_with(stories: object) -> bytes:
    return orjson.dumps({"features": [{"id": 1, "title": "a", "user_stories": stories}]})


@pytest.mark.parametrize(
    ("stories", "why"),
    [
        ({"id": 1}, "user_stories should be a list"),
        ([7], "a user story should be an object or text"),
    ],
)
def test_user_stories_of_another_shape_make_the_feature_unusable(stories: object, why: str) -> None:
    rows = payloads.features(feature_with(stories), 5)
    assert rows.records == ()
    [bad] = rows.bad_rows
    assert why in bad.reason


def test_a_bug_of_another_test_is_not_taken_for_one_of_this() -> None:
    body = orjson.dumps({"bugs": [{"id": 1, "test": {"id": 8}}, {"id": 2, "test": {"id": 9}}]})
    [rows] = (payloads.bugs(body, [9]) or {}).values()
    assert [record.id for record in rows.records] == [2]
    assert "belongs to test 8" in rows.bad_rows[0].reason


def of_several(rows: list[object]) -> dict[int, list[int]] | None:
    found = payloads.bugs(orjson.dumps({"bugs": rows}), [7, 8, 9])
    if found is None:
        return None
    return {key: [bug.id for bug in rows.records] for key, rows in found.items()}


def test_the_bugs_of_several_tests_are_told_apart_or_not_at_all() -> None:
    mine: list[object] = [{"id": n, "test": {"id": owner}} for n, owner in ((1, 8), (2, 7), (3, 8))]
    assert of_several(mine) == {7: [2], 8: [1, 3], 9: []}
    assert of_several([]) == {7: [], 8: [], 9: []}
    for odd in ({"id": 4}, {"id": 4, "test": {"id": 10}}, {"id": 4, "test": 7}, "x", None):
        assert of_several([*mine, odd]) is None
    bad = payloads.bugs(orjson.dumps({"bugs": [{"id": "x", "test": {"id": 9}}]}), [8, 9])
    assert bad is not None
    assert [len(bad[key].bad_rows) for key in (8, 9)] == [0, 1]


@pytest.mark.parametrize("asked", [[9], [8, 9]])
def test_an_answer_with_mostly_bugs_of_other_tests_is_somebody_elses(asked: list[int]) -> None:
    rows = [{"id": 1, "test": {"id": 3}}, {"id": 2, "test": {"id": 4}}, {"id": 3}]
    with pytest.raises(
        BadPayload, match="2 of 3 records of the answer are not those asked for: a bug of test 3"
    ):
        payloads.bugs(orjson.dumps({"bugs": rows}), asked)


def test_a_test_that_names_no_product_is_refused_where_nobody_else_knows_it() -> None:
    body = orjson.dumps({"exploratory_test": {"id": 3, "title": "a"}})
    assert payloads.test(body, 4).product_id == 4
    with pytest.raises(BadPayload, match="which product"):
        payloads.test(body, None)
