"""Which rows of an answer belong to another owner, by what this run and the mirror have seen."""

from __future__ import annotations

from typing import Any

import pytest

from rules.mirror.changes import StoredRow, listed_elsewhere
from rules.records import FeatureRecord, TestRecord
from tests.unit.mirror.test_changes import row as of_test

HERE, THERE, RUN = 1, 2, 7


def feature(record_id: int) -> FeatureRecord:
    return FeatureRecord(
        id=record_id, product_id=HERE, title=None, section_ids=None, data="{}", content_hash="a"
    )


def elsewhere(stored: dict[int, StoredRow], *records: FeatureRecord | TestRecord) -> dict[int, int]:
    return listed_elsewhere(records, stored, owner=HERE, run_id=RUN)


def held(owner: int = THERE, **more: Any) -> StoredRow:
    return StoredRow(content_hash="a", owner=owner, **more)


@pytest.mark.parametrize("make", [feature, of_test])
def test_a_row_that_this_run_has_seen_elsewhere_is_not_taken_for_one_of_here(make: Any) -> None:
    stored = {
        5: held(listed_in=RUN),
        6: held(owner=HERE, listed_in=RUN),
        7: held(listed_in=RUN - 1),
    }
    assert elsewhere(stored, *map(make, (4, 5, 6, 7))) == {5: THERE}


def test_a_row_that_was_marked_as_deleted_there_stands_in_no_other_list() -> None:
    assert elsewhere({5: held(listed_in=RUN, is_deleted=True)}, feature(5)) == {}


@pytest.mark.parametrize(("many", "of", "is_foreign"), [(1, 2, False), (2, 5, False), (3, 5, True)])
def test_an_answer_of_features_most_of_which_are_anothers_was_made_for_that_one(
    many: int, of: int, is_foreign: bool
) -> None:
    stored = {key: held(listed_in=RUN - 1) for key in range(many)}
    stored |= {key: held(owner=HERE) for key in range(many, of)}
    expected = dict.fromkeys(range(many), THERE) if is_foreign else {}
    assert elsewhere(stored, *map(feature, range(of))) == expected
    assert elsewhere(stored, *map(of_test, range(of))) == {}, "tests say whose they are"


def test_an_empty_answer_is_nobodys() -> None:
    assert elsewhere({5: held(listed_in=RUN)}) == {}
