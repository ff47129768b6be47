"""One content, one hash: the form in which a row was read is no change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.mirror.contents import (
    OF_FEATURES,
    OF_STORIES,
    OF_TESTS,
    forms_of_test,
    hash_of_stored,
    hash_of_text,
    older_hashes,
    stored_form,
)
from rules.model import Kind
from testio import payloads

ENTITIES = (Kind.PRODUCTS, Kind.FEATURES, Kind.TESTS, Kind.BUGS)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
names = st.text("abcxyz", min_size=1, max_size=4)
records = st.dictionaries(names, values, max_size=5)
titles = st.text(min_size=1, max_size=8)


@st.composite
def listed_tests(draw: st.DrawFn) -> dict[str, Any]:
    """A test as lists tell it."""
    features = st.builds(
        lambda more, number, stories: (
            more | {"id": number, "feature_id": number + 1, "title": "f", "user_stories": stories}
        ),
        records,
        st.integers(1, 99),
        st.lists(titles, max_size=3),
    )
    title = draw(titles)
    own = draw(records) | {"id": draw(st.integers(1, 99)), "title": title, "test_title": title}
    return own | {"features": draw(st.lists(features, max_size=3))}


def measured(draw: st.DrawFn, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: draw(values) for name in names if draw(st.booleans())}


@st.composite
def both_forms(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A test as lists tell it, and the same one fetched alone."""
    listed = draw(listed_tests())
    single = json.loads(json.dumps(listed)) | measured(draw, OF_TESTS)
    with_stories = draw(st.booleans())
    for feature in single["features"]:
        feature |= measured(draw, OF_FEATURES)
        if with_stories:
            feature["user_stories"] = [
                {"id": 1, "path": "p", "title": title, "bugs_found": 0} | measured(draw, OF_STORIES)
                for title in feature["user_stories"]
            ]
    return listed, single


def reordered(draw: Any, value: Any) -> Any:
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return {key: reordered(draw, value[key]) for key in keys}
    return [reordered(draw, each) for each in value] if isinstance(value, list) else value


@given(forms=both_forms())
def test_a_test_is_the_same_in_a_list_and_alone(forms: Any) -> None:
    listed, single = forms
    assert stored_form(Kind.TESTS, single) == stored_form(Kind.TESTS, listed)


@given(forms=both_forms())
def test_nothing_that_only_the_single_form_tells_is_lost(forms: Any) -> None:
    listed, single = forms
    kept, metrics = forms_of_test(single)
    assert kept == listed
    assert metrics.get("analytics") == single.get("analytics")
    for feature, found in zip(single["features"], metrics.get("features", ()), strict=False):
        for name in OF_FEATURES:
            assert found.get(name) == feature.get(name)
        objects = [story for story in feature["user_stories"] if isinstance(story, dict)]
        assert found.get("user_stories", []) == objects


@given(listed=listed_tests(), data=st.data())
def test_the_order_of_keys_and_the_way_of_writing_are_no_change(
    listed: dict[str, Any], data: st.DataObject
) -> None:
    other = reordered(data.draw, listed)
    expected = stored_form(Kind.TESTS, listed)
    assert stored_form(Kind.TESTS, other) == expected
    body = json.dumps({"exploratory_tests": [other]}, ensure_ascii=True)
    escaped = payloads.tests(body.encode(), 1, offset=0)
    lenient = payloads.tests(b"\xef\xbb\xbf" + body.encode(), 1, offset=0)
    assert escaped.records == lenient.records, "both parsers make the same of it"


@given(record=records, kind=st.sampled_from(ENTITIES))
def test_what_is_stored_gives_the_same_hash_again(record: dict[str, Any], kind: Kind) -> None:
    text, digest = stored_form(kind, record)
    assert hash_of_stored(kind, text) == digest
    assert stored_form(kind, json.loads(text)) == (text, digest)


@given(kind=st.sampled_from(ENTITIES), record=records, more=records)
def test_another_content_is_another_hash(
    kind: Kind, record: dict[str, Any], more: dict[str, Any]
) -> None:
    same = record == more
    assert (stored_form(kind, record)[1] == stored_form(kind, more)[1]) is same


FEATURE = {"id": 7, "title": "a", "user_stories": ["b"]}
STORY = {"id": 4, "path": "p", "title": "b", "feature_id": 7}


@pytest.mark.parametrize(
    "form",
    [
        FEATURE | {"section_ids": [1, 2]},
        FEATURE | {"section_ids": []},
        FEATURE | {"section_ids": None},
        FEATURE | {"user_stories": [STORY]},
        FEATURE | {"user_stories": [STORY | {"title": None, "path": "b"}]},
    ],
)
def test_a_feature_is_the_same_in_every_list(form: dict[str, Any]) -> None:
    assert stored_form(Kind.FEATURES, form)[1] == stored_form(Kind.FEATURES, FEATURE)[1]
    assert json.loads(stored_form(Kind.FEATURES, form)[0]) == form, "and is stored as it came"


@pytest.mark.parametrize(
    "other",
    [
        FEATURE | {"title": "b"},
        FEATURE | {"user_stories": []},
        FEATURE | {"user_stories": ["c"]},
        FEATURE | {"user_stories": ["b", "b"]},
        FEATURE | {"description": None},
    ],
)
def test_another_feature_has_changed(other: dict[str, Any]) -> None:
    assert stored_form(Kind.FEATURES, other)[1] != stored_form(Kind.FEATURES, FEATURE)[1]


def test_a_title_under_either_name_is_the_same() -> None:
    forms: list[dict[str, Any]] = [
        {"title": "a"},
        {"test_title": "a"},
        {"title": "a", "test_title": "a"},
    ]
    forms += [{"title": "a", "test_title": None}]
    assert len({stored_form(Kind.TESTS, {"id": 1, **form})[1] for form in forms}) == 1
    two = {"id": 1, "title": "a", "test_title": "b"}
    assert stored_form(Kind.TESTS, two)[1] != stored_form(Kind.TESTS, {"id": 1, "title": "a"})[1]


def test_a_bug_may_name_its_test_or_not() -> None:
    bug = {"id": 1, "title": "a"}
    named = bug | {"test": {"id": 9, "title": "renamed"}}
    assert stored_form(Kind.BUGS, named)[1] == stored_form(Kind.BUGS, bug)[1]


@pytest.mark.parametrize("odd", [7, "x", {"a": 1}, [7, "x", None, [{}]], [{"user_stories": {}}]])
def test_features_of_any_shape_are_taken_as_they_are(odd: Any) -> None:
    test = {"id": 1, "features": odd, "analytics": 5}
    listed, metrics = forms_of_test(test)
    assert (listed, metrics) == ({"id": 1, "features": odd}, {"analytics": 5})
    assert stored_form(Kind.TESTS, test) == stored_form(Kind.TESTS, listed)


def test_the_hash_stays_the_same_over_versions() -> None:
    """It is kept in databases: with another one every row would have to be made anew."""
    test = {"id": 1, "title": "ä", "features": [{"id": 2, "user_stories": ["x"]}]}
    assert stored_form(Kind.TESTS, test)[1] == PINNED_TEST
    assert stored_form(Kind.FEATURES, FEATURE)[1] == PINNED_FEATURE
    assert older_hashes('{"id":1}', (3, 9)) == (hash_of_text('{"id":1}'), PINNED_BY_SECTION)


PINNED_TEST = "338b4f000f5904d450bcdf2c81dcd6bf"
PINNED_FEATURE = "100f7f37602872e686717191ca414913"
PINNED_BY_SECTION = "9769e55586bee2a30d76999e9279b2c8"
