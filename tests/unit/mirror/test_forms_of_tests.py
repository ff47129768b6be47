"""What is told of a test alone and not in lists has a place of its own; the rest stays as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rules.mirror.contents import as_json, forms_of_test, stored_form
from rules.model import Kind

Json = dict[str, Any]


def of(*features: Any, **more: Any) -> Json:
    return {"id": 1, **more, "features": list(features)}


def test_metrics_stand_under_the_features_and_stories_that_they_are_of() -> None:
    single = of(
        {"id": 2, "feature_id": 3, "title": "a", "bugs_found": 1, "user_stories": ["x"]},
        {"id": 4, "title": "b", "user_stories": [{"id": 5, "title": "y", "bug_ids": [6]}, "z"]},
        "odd",
        analytics={"views": 7},
    )
    listed, metrics = forms_of_test(single)
    assert listed == of(
        {"id": 2, "feature_id": 3, "title": "a", "user_stories": ["x"]},
        {"id": 4, "title": "b", "user_stories": ["y", "z"]},
        "odd",
    )
    assert metrics == {
        "analytics": {"views": 7},
        "features": [
            {"id": 2, "feature_id": 3, "bugs_found": 1},
            {"id": 4, "user_stories": [{"id": 5, "title": "y", "bug_ids": [6]}]},
        ],
    }


def test_metrics_of_a_story_alone_are_metrics_of_the_test() -> None:
    story = {"id": 5, "title": "y", "tested_by_count": 2}
    listed, metrics = forms_of_test(of({"id": 4, "user_stories": ["x", story]}))
    assert listed == of({"id": 4, "user_stories": ["x", "y"]})
    assert metrics == {"features": [{"id": 4, "user_stories": [story]}]}


@pytest.mark.parametrize(
    "test",
    [
        {"id": 1},
        of({"id": 4, "user_stories": ["x"]}),
        of({"id": 4, "user_stories": [{"id": 5, "title": "y"}]}),
        of({"id": 4, "user_stories": 7}),
        of({"id": 4, "user_stories": None}),
        of({"id": 4, "user_stories": {"bugs_found": 1}}),
    ],
)
def test_a_test_without_metrics_is_its_own_list_form(test: Json) -> None:
    listed, metrics = forms_of_test(test)
    assert listed is test
    assert metrics == {}


def test_a_story_is_told_by_its_title_or_its_path_and_else_stays_as_it_is() -> None:
    stories: list[Json] = [{"title": "a", "path": "b"}, {"path": "b"}, {"id": 5}]
    measured = [story | {"bugs_found": 0} for story in stories]
    expected = ["a", "b", {"id": 5}]
    listed = forms_of_test(of({"id": 4, "user_stories": measured})).listed
    assert listed == of({"id": 4, "user_stories": expected})
    as_objects = {"id": 4, "user_stories": stories}
    as_texts = {"id": 4, "user_stories": expected}
    hashes = {stored_form(Kind.FEATURES, form)[1] for form in (as_objects, as_texts)}
    assert len(hashes) == 1


def test_metrics_are_kept_as_json_with_sorted_keys() -> None:
    text = as_json({"b": [1], "a": {"d": None, "c": "ä"}})
    assert text == '{"a":{"c":"ä","d":null},"b":[1]}'
    assert json.loads(as_json({})) == {}
