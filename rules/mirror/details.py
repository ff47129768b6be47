"""What only some forms tell of a feature: the sections it stands in, its user stories as objects.

The content of two forms is the same (`rules.mirror.contents`). A form that tells less takes nothing
away; one that tells more for the first time is no change, only knowledge. A feature has changed
where both tell it, and differently.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from rules.records import FeatureRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDetails:
    """What the mirror holds of these things; `section_ids` None: it is not known."""

    section_ids: tuple[int, ...] | None
    data: str


def completed(record: FeatureRecord, known: KnownDetails, *, same_content: bool) -> FeatureRecord:
    """The record, with what is known of the feature and was not told this time."""
    if record.section_ids is None:
        record = replace(record, section_ids=known.section_ids)
    if same_content and _is_told(_stories(known.data)) and not _is_told(_stories(record.data)):
        return replace(record, data=known.data, user_stories=None)
    return record


def is_other(record: FeatureRecord, known: KnownDetails) -> bool:
    """Whether a completed record of the same content has changed all the same."""
    if known.section_ids is not None and record.section_ids != known.section_ids:
        return True
    if record.data == known.data:
        return False
    before, now = _stories(known.data), _stories(record.data)
    return _is_told(before) and before != now


def is_more(record: FeatureRecord, known: KnownDetails) -> bool:
    """Whether a completed record that has not changed tells what was not known."""
    if record.section_ids != known.section_ids:
        return True
    return record.data != known.data and _stories(record.data) != _stories(known.data)


def _stories(data: str) -> list[Any]:
    try:
        payload = json.loads(data)
    except (ValueError, RecursionError):
        return []  # what stands there is no record; whatever is told now is more
    stories = payload.get("user_stories") if isinstance(payload, dict) else None
    return stories if isinstance(stories, list) else []


def _is_told(stories: list[Any]) -> bool:
    """Whether they are objects, with ids and paths, and not mere texts."""
    return any(isinstance(story, dict) for story in stories)
