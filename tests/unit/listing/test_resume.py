"""From where an interrupted listing goes on, as it is stored."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.listing.resume import Interrupted, ResumePoint, interrupted_from

POINT = ResumePoint(
    at_head=True,
    ordered=False,
    end=60,
    tail=(4, 3),
    tail_at=59,
    tied=2,
    floor=2,
    largest_allowed=25,
    largest_answer=24,
    left_out=True,
    proven=False,
    cut_tie=True,
)
STORED = {
    "as_of": "2026-05-04T00:00:00+00:00",
    "from": None,
    "at_head": True,
    "ordered": False,
    "end": 60,
    "tail": [4, 3],
    "tail_at": 59,
    "tied": 2,
    "floor": 2,
    "largest_allowed": 25,
    "largest_answer": 24,
    "left_out": True,
    "proven": False,
    "cut_tie": True,
}


def test_the_stored_form_stays_the_same_over_versions() -> None:
    """Another one would begin every interrupted listing anew after an upgrade."""
    text = POINT.as_text(as_of="2026-05-04T00:00:00+00:00", complete_from=None)
    assert json.loads(text) == STORED


@given(
    point=st.builds(ResumePoint, tail=st.lists(st.integers(), max_size=4).map(tuple)),
    complete_from=st.none() | st.text(),
)
def test_what_is_stored_is_read_again(point: ResumePoint, complete_from: str | None) -> None:
    text = point.as_text(as_of="then", complete_from=complete_from)
    assert interrupted_from(text) == Interrupted(
        point=point, as_of="then", complete_from=complete_from
    )


@pytest.mark.parametrize("lacking", ["as_of", "from", "tail", "tied"])
def test_what_another_version_has_written_differently_is_not_gone_on_with(lacking: str) -> None:
    less = {name: value for name, value in STORED.items() if name != lacking}
    assert interrupted_from(json.dumps(less)) is None
    assert interrupted_from(json.dumps({**STORED, "more": 1})) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1"])
def test_what_is_no_such_document_is_none(text: str) -> None:
    assert interrupted_from(text) is None
