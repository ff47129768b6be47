"""What only some forms of a feature tell: a form that says less takes nothing away."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.mirror.changes import Changes, StoredRow, compare
from rules.mirror.contents import stored_form
from rules.mirror.details import KnownDetails
from rules.model import Counts, Kind
from rules.records import FeatureRecord

STORIES: list[Any] = [{"id": 4, "title": "a", "path": "p"}, {"id": 5, "title": "b", "path": "q"}]
TEXTS: list[Any] = ["a", "b"]


def told(
    section_ids: tuple[int, ...] | None, stories: list[Any], title: str = "t"
) -> FeatureRecord:
    payload = {"id": 1, "title": title, "user_stories": stories}
    data, content_hash = stored_form(Kind.FEATURES, payload)
    return FeatureRecord(
        id=1,
        product_id=9,
        title=title,
        section_ids=section_ids,
        data=data,
        content_hash=content_hash,
    )


def held(record: FeatureRecord, *, is_deleted: bool = False) -> StoredRow:
    return StoredRow(
        content_hash=record.content_hash,
        is_deleted=is_deleted,
        owner=9,
        known=None
        if is_deleted
        else KnownDetails(section_ids=record.section_ids, data=record.data),
    )


def after(before: FeatureRecord, now: FeatureRecord) -> Changes[FeatureRecord]:
    return compare([now], {1: held(before)})


def outcome(before: FeatureRecord, now: FeatureRecord) -> str:
    changes = after(before, now)
    return "changed" if changes.changed else "learned" if changes.learned else "same"


def test_what_was_not_known_is_no_change_and_is_kept() -> None:
    assert outcome(told(None, TEXTS), told((3,), TEXTS)) == "learned"
    assert outcome(told(None, TEXTS), told((), TEXTS)) == "learned", "in none is known as well"
    assert outcome(told((3,), TEXTS), told((3,), STORIES)) == "learned"
    changes = after(told(None, TEXTS), told((3,), STORIES))
    assert changes.counts == Counts(unchanged=1)
    assert changes.learned == changes.unchanged == (told((3,), STORIES),)


def test_what_is_told_otherwise_has_changed() -> None:
    assert outcome(told((3,), TEXTS), told((4,), TEXTS)) == "changed"
    assert outcome(told((3,), TEXTS), told((), TEXTS)) == "changed"
    assert outcome(told((), TEXTS), told((3,), TEXTS)) == "changed"
    other = [{**STORIES[0], "id": 6}, STORIES[1]]
    assert outcome(told((3,), STORIES), told((3,), other)) == "changed", "made anew"
    assert outcome(told((3,), STORIES), told(None, other)) == "changed"


def test_a_form_that_says_less_takes_nothing_away() -> None:
    before = told((3,), STORIES)
    assert outcome(before, told(None, TEXTS)) == "same"
    (renamed,) = after(before, told(None, TEXTS, title="new")).changed
    assert renamed.section_ids == (3,)
    (moved,) = after(before, told((4,), TEXTS)).changed
    assert (moved.section_ids, moved.data) == ((4,), before.data)
    assert moved.user_stories is None, "nothing new was told of them"


def test_of_a_feature_that_comes_back_nothing_old_is_believed() -> None:
    before = told((3,), STORIES)
    changes = compare([told(None, TEXTS)], {1: held(before, is_deleted=True)})
    assert changes.counts == Counts(revived=1)
    assert changes.learned == (told(None, TEXTS),)


def test_what_is_stored_of_a_feature_may_be_known_without_its_details() -> None:
    record = told((3,), STORIES)
    unknown = StoredRow(content_hash=record.content_hash, owner=9)
    changes = compare([record], {1: unknown})
    assert changes.counts == Counts(unchanged=1)
    assert changes.learned == ()


def test_another_text_that_tells_the_same_is_no_news() -> None:
    before = told((3,), STORIES)
    spaced = replace(before, data=json.dumps(json.loads(before.data), indent=1))
    assert outcome(before, spaced) == "same"
    assert outcome(spaced, before) == "same"


@pytest.mark.parametrize(
    "damaged", ["[1]", "no JSON", '{"user_stories": 7}', '{"user_stories": {}}']
)
def test_where_no_stories_can_be_read_any_are_news(damaged: str) -> None:
    record = told((3,), STORIES)
    assert outcome(replace(record, data=damaged), record) == "learned"


sections = st.none() | st.sets(st.integers(1, 4), max_size=2).map(lambda ids: tuple(sorted(ids)))
stories = st.sampled_from([[], ["a"], TEXTS, STORIES, STORIES[:1]])


@given(readings=st.lists(st.builds(told, sections, stories), min_size=1, max_size=6))
def test_what_is_stored_is_the_last_that_was_told(readings: list[FeatureRecord]) -> None:
    """However the forms alternate; and a reading that says nothing else counts as no change."""
    stored: FeatureRecord | None = None
    for record in readings:
        if stored is None:
            stored = record
            continue
        changes = after(stored, record)
        written = (*changes.changed, *changes.learned)
        now = written[0] if written else stored
        assert now.section_ids == (stored if record.section_ids is None else record).section_ids
        assert now.content_hash == record.content_hash
        assert _titles(now) == _titles(record)
        if _objects(record):
            assert json.loads(now.data)["user_stories"] == json.loads(record.data)["user_stories"]
        assert after(now, record).counts == Counts(unchanged=1)
        assert not after(now, record).learned
        stored = now


def _titles(record: FeatureRecord) -> list[str]:
    listed = json.loads(record.data)["user_stories"]
    return [story if isinstance(story, str) else story["title"] for story in listed]


def _objects(record: FeatureRecord) -> bool:
    return any(isinstance(story, dict) for story in json.loads(record.data)["user_stories"])
