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
    rows = payloads.bugs(body, 9)
    assert [record.id for record in rows.records] == [2]
    assert "belongs to test 8" in rows.bad_rows[0].reason


def test_a_test_that_names_no_product_is_refused_where_nobody_else_knows_it() -> None:
    body = orjson.dumps({"exploratory_test": {"id": 3, "title": "a"}})
    assert payloads.test(body, 4).product_id == 4
    with pytest.raises(BadPayload, match="which product"):
        payloads.test(body, None)
