"""Features listed section by section become one record each, with all their sections."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rules.mirror.sections import merge, place, without_sections
from rules.records import FeatureRecord


def feature(
    feature_id: int,
    content: str = "c",
    title: str = "t",
    section_ids: tuple[int, ...] | None = None,
) -> FeatureRecord:
    return FeatureRecord(
        id=feature_id,
        product_id=1,
        title=title,
        section_ids=section_ids,
        data="{}",
        content_hash=content,
    )


def test_a_feature_in_two_sections_is_one_record_with_both() -> None:
    merged = merge([(9, feature(1)), (9, feature(2)), (3, feature(1))])
    assert [(record.id, record.section_ids) for record in merged] == [(1, (3, 9)), (2, (9,))]


def test_where_sections_differ_the_first_ones_payload_is_kept() -> None:
    (merged,) = merge([(5, feature(1, "x", "first")), (4, feature(1, "y", "second"))])
    assert merged.title == "first"


def test_nothing_listed_is_nothing() -> None:
    assert merge([]) == ()


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
        kept = replace(record, section_ids=None)
        assert kept == feature(record.id), "another field was touched: its content is the same"


@given(listed=listings, data=st.data())
def test_the_order_of_the_sections_is_no_change(
    listed: list[tuple[int, FeatureRecord]], data: st.DataObject
) -> None:
    """The remote lists in any order; a row must not look changed for that."""
    shuffled = data.draw(st.permutations(listed))
    assert set(merge(listed)) == set(merge(shuffled))
    assert set(merge(listed + shuffled)) == set(merge(listed)), "listed twice is no change"


@given(plain=st.lists(st.integers(1, 8), unique=True), listed=listings)
def test_a_plain_list_and_the_sections_together_are_all_features_each_in_its_place(
    plain: list[int], listed: list[tuple[int, FeatureRecord]]
) -> None:
    in_sections = {record.id: record for record in merge(listed)}
    placed = place([feature(key, "plain") for key in plain], in_sections.values())
    assert {record.id for record in placed} == {*plain, *in_sections}
    assert len(placed) == len({record.id for record in placed})
    for record in placed:
        there = in_sections.get(record.id)
        assert record.section_ids == (() if there is None else there.section_ids)
        assert record.content_hash == ("plain" if record.id in plain else "c")


def test_what_a_list_tells_itself_stays_where_no_section_says_otherwise() -> None:
    told = feature(1, section_ids=(4,))
    assert place([told, feature(2)], []) == (told, feature(2, section_ids=()))
    assert without_sections([told, feature(2)]) == (told, feature(2, section_ids=()))
