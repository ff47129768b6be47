"""One content, one hash: what of a record is content, and what only the form it was read in.

The remote tells one record in several forms: a feature in a product's list, in a section's list;
a test in a list or alone; user stories as texts or as objects. The hash is of what every form
says, so reading another form changes nothing. Every reader, the migration and `rebuild` use it.

What only some forms say has a place of its own: execution metrics (`test_metrics`), the sections
a feature stands in and the ids of its user stories (`rules.mirror.details`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from rules.model import Kind

HASH_CHUNK = 2047  # hashlib lets go of the interpreter lock from 2,048 bytes on; that costs more

OF_TESTS = ("analytics",)
OF_FEATURES = ("execution_status", "tester_count", "bugs_found", "bug_ids")
OF_STORIES = (
    *("user_story_version_id", "execution_status", "tested_by_count"),
    *("bugs_found", "bug_ids"),
)
"""The execution metrics of a single test, by where they stand: in the test, in each of its
`features`, in each of their `user_stories`."""

_OF_FEATURES = frozenset(OF_FEATURES)

Json = dict[str, Any]


class Forms(NamedTuple):
    """A test as lists tell it, and its execution metrics, empty where it has none."""

    listed: Json
    metrics: Json


def stored_form(kind: Kind, payload: Json) -> tuple[str, str]:
    """A record as JSON text with sorted keys, and the hash of its content.

    A test is stored as lists tell it. Raises ValueError if it holds what JSON has not.
    """
    listed, content = _listed_and_content(kind, payload)
    raw = _dumped(listed)
    return raw.decode(), _digest(raw if content is listed else _dumped(content))


def hash_of_stored(kind: Kind, text: str) -> str:
    """The same hash, of a text that `stored_form` has made. Raises ValueError."""
    payload = orjson.loads(text)
    if not isinstance(payload, dict):
        return hash_of_text(text)
    content = _listed_and_content(kind, payload)[1]
    return hash_of_text(text) if content is payload else _digest(_dumped(content))


def older_hashes(text: str, section_ids: Sequence[int]) -> tuple[str, str]:
    """How earlier versions made it: of the whole text, and of a feature that was read by section.

    Rows of theirs are told by these from rows that are damaged.
    """
    whole = hash_of_text(text)
    return whole, hash_of_text(f"{whole} {list(section_ids)}")


def as_json(value: Json) -> str:
    """JSON text with sorted keys. Raises ValueError."""
    return _dumped(value).decode()


def hash_of_text(text: str) -> str:
    """A stable hash of a text: equal if and only if the text is."""
    return _digest(text.encode())


def forms_of_test(test: Json) -> Forms:
    """Tell a test from its metrics. One without any is its own list form, not a copy.

    A user story with metrics is told as in lists, by its title alone.
    """
    if _is_plain(test):
        return Forms(test, {})
    metrics = {key: test[key] for key in OF_TESTS if key in test}
    features = _objects(test.get("features"))
    if any(map(_has_metrics, features)):
        metrics["features"] = [_metrics_of(feature) for feature in features]
        without = [_without_metrics(value) for value in test["features"]]
        return Forms(_without(test, OF_TESTS) | {"features": without}, metrics)
    return Forms(_without(test, OF_TESTS) if metrics else test, metrics)


def _listed_and_content(kind: Kind, payload: Json) -> tuple[Json, Json]:
    """As it is stored, and what of that every form says; the same object where that is all."""
    if kind is Kind.TESTS:
        if _is_plain(payload):
            return payload, _under_both_names(payload)
        listed = forms_of_test(payload).listed
        return listed, _under_both_names(_with_titles_in_features(listed))
    if kind is Kind.FEATURES:
        content = _with_titles(payload)
        return payload, _without(content, ("section_ids",)) if "section_ids" in content else content
    if kind is Kind.BUGS and "test" in payload:
        # Which test it is of is known by whose bugs were asked for; a bug need not name it.
        return payload, _without(payload, ("test",))
    return payload, payload


def _under_both_names(test: Json) -> Json:
    """A title stands under two names, or under one of them."""
    title, old_title = test.get("title"), test.get("test_title")
    if (title is None) is (old_title is None):
        return test
    title = old_title if title is None else title
    return test | {"title": title, "test_title": title}


def _with_titles_in_features(test: Json) -> Json:
    if not isinstance(test.get("features"), list):
        return test
    return test | {"features": [_with_titles(each) for each in test["features"]]}


def _is_plain(test: Json) -> bool:
    """Whether it is told as in lists: no metrics, and user stories as texts. Nearly all are."""
    features = test.get("features")
    for feature in features if features.__class__ is list else ():
        if feature.__class__ is dict:
            if not _OF_FEATURES.isdisjoint(feature):
                return False
            stories = feature.get("user_stories")
            for story in stories if stories.__class__ is list else ():
                if story.__class__ is dict:
                    return False
    return "analytics" not in test


def _with_titles(feature: Any) -> Any:
    if not isinstance(feature, dict) or not _has_stories_as_objects(feature):
        return feature
    return feature | {"user_stories": [_title_of(story) for story in feature["user_stories"]]}


def _has_stories_as_objects(feature: Json) -> bool:
    return bool(_objects(feature.get("user_stories")))


def _title_of(story: Any) -> Any:
    """How a user story is told as a text; one without any stays as it is."""
    if not isinstance(story, dict):
        return story
    title = story.get("title")
    title = story.get("path") if title is None else title
    return story if title is None else title


def _has_metrics(feature: Json) -> bool:
    stories = _objects(feature.get("user_stories"))
    return _tells(feature, OF_FEATURES) or any(_tells(story, OF_STORIES) for story in stories)


def _tells(record: Json, names: tuple[str, ...]) -> bool:
    return not record.keys().isdisjoint(names)


def _metrics_of(feature: Json) -> Json:
    """What was measured of a feature within a test, and which one that is."""
    found = {key: feature[key] for key in ("id", "feature_id", *OF_FEATURES) if key in feature}
    stories = [s for s in _objects(feature.get("user_stories")) if _tells(s, OF_STORIES)]
    return found | {"user_stories": stories} if stories else found


def _without_metrics(feature: Any) -> Any:
    if not isinstance(feature, dict):
        return feature
    kept = _without(feature, OF_FEATURES)
    stories = kept.get("user_stories")
    if isinstance(stories, list):
        kept["user_stories"] = [
            _title_of(_without(story, OF_STORIES))
            if isinstance(story, dict) and _tells(story, OF_STORIES)
            else story
            for story in stories
        ]
    return kept


def _without(record: Mapping[str, Any], names: tuple[str, ...]) -> Json:
    return {key: value for key, value in record.items() if key not in names}


def _objects(values: Any) -> list[Json]:
    """Those of a list that are objects; what is no list has none."""
    return [v for v in values if isinstance(v, dict)] if isinstance(values, list) else []


def _dumped(record: Json) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise ValueError(f"{_culprit(record)} cannot be stored as JSON: {error}") from error


def _culprit(record: Json) -> str:
    """The field that cannot be written out."""
    for key, value in record.items():
        try:
            orjson.dumps({key: value})
        except TypeError:
            return repr(key) if not key.isidentifier() else key
    return "the record"


def _digest(raw: bytes) -> str:
    digest = hashlib.blake2b(raw[:HASH_CHUNK], digest_size=16)
    for start in range(HASH_CHUNK, len(raw), HASH_CHUNK):
        digest.update(raw[start : start + HASH_CHUNK])
    return digest.hexdigest()
