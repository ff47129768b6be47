"""Features listed section by section become one record each, with all their sections."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rules.records import FeatureRecord
from rules.sections import merge


def feature(feature_id: int, content: str = "c", title: str = "t") -> FeatureRecord:
    return FeatureRecord(
        id=feature_id, product_id=1, title=title, section_ids=(), data="{}", content_hash=content
    )


def test_a_feature_in_two_sections_is_one_record_with_both() -> None:
    merged = merge([(9, feature(1)), (9, feature(2)), (3, feature(1))])
    assert [(record.id, record.section_ids) for record in merged] == [(1, (3, 9)), (2, (9,))]


def test_where_sections_differ_the_first_ones_payload_is_kept() -> None:
    (merged,) = merge([(5, feature(1, "x", "first")), (4, feature(1, "y", "second"))])
    assert merged.title == "first"


def test_nothing_listed_is_nothing() -> None:
    assert merge([]) == ()


def test_a_feature_that_moves_to_another_section_has_changed() -> None:
    in_sections = [(1,), (2,), (12,), (1, 2), (1, 2, 12), (1, 12)]
    hashes = {merge([(s, feature(7)) for s in found])[0].content_hash for found in in_sections}
    assert len(hashes) == len(in_sections), "two sets of sections look alike"


def test_a_feature_whose_payload_changes_has_changed() -> None:
    before, after = merge([(1, feature(7, "before"))]), merge([(1, feature(7, "after"))])
    assert before[0].content_hash != after[0].content_hash


listings = st.lists(
    st.tuples(st.integers(1, 6), st.builds(feature, st.integers(1, 8))), max_size=30
)


@given(listed=listings)
def test_every_feature_is_there_once_with_exactly_its_sections(
    listed: list[tuple[int, FeatureRecord]],
) -> None:
    merged = merge(iter(listed))
    expected: dict[int, set[int]] = {}
    for section, record in listed:
        expected.setdefault(record.id, set()).add(section)
    assert [record.id for record in merged] == list(expected), "twice, missing or out of order"
    for record in merged:
        assert record.section_ids == tuple(sorted(expected[record.id]))
        kept = replace(record, section_ids=(), content_hash="c")
        assert kept == feature(record.id), "another field was touched"


@given(listed=listings, data=st.data())
def test_the_order_of_the_sections_is_no_change(
    listed: list[tuple[int, FeatureRecord]], data: st.DataObject
) -> None:
    """The remote lists in any order; a row must not look changed for that."""
    shuffled = data.draw(st.permutations(listed))
    assert set(merge(listed)) == set(merge(shuffled))
    assert set(merge(listed + shuffled)) == set(merge(listed)), "listed twice is no change"


def test_the_content_of_a_feature_in_sections_stays_the_same_over_versions() -> None:
    """It is kept in databases: another one would make every such feature look changed."""
    (merged,) = merge([(9, feature(1)), (3, feature(1))])
    assert merged.content_hash == "9f944078d4b9b14fbd448d01cede86ca"
