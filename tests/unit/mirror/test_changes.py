"""Which rows are written (rule 7): only those whose content is another one."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from rules.mirror.changes import Changes, StoredRow
from rules.mirror.changes import compare as compare_held
from rules.model import Counts
from rules.records import TestRecord


def row(record_id: int, content: str = "a", title: str | None = None) -> TestRecord:
    return TestRecord(
        id=record_id,
        product_id=1,
        title=title,
        status=None,
        review_status=None,
        testing_type=None,
        start_at=None,
        end_at=None,
        data="{}",
        content_hash=content,
    )


def compare(records: Iterable[TestRecord], known: dict[int, str]) -> Changes[TestRecord]:
    return compare_held(
        records, {key: StoredRow(content_hash=value) for key, value in known.items()}
    )


def ids(rows: tuple[TestRecord, ...]) -> list[int]:
    return [record.id for record in rows]


def test_rows_are_sorted_into_new_changed_and_unchanged() -> None:
    changes = compare([row(1), row(2), row(3)], {2: "a", 3: "b", 99: "a"})
    assert (ids(changes.new), ids(changes.unchanged), ids(changes.changed)) == ([1], [2], [3])
    assert changes.counts == Counts(new=1, changed=1, unchanged=1)


def test_nothing_against_nothing_is_nothing() -> None:
    empty: Changes[TestRecord] = compare([], {1: "a"})
    assert empty == Changes(new=(), changed=(), unchanged=())
    assert empty.counts == Counts()


def test_the_later_of_two_records_with_one_id_wins_and_is_counted_once() -> None:
    changes = compare([row(1, "old"), row(2), row(1, "new", title="later")], {1: "old"})
    assert [(record.id, record.title) for record in changes.changed] == [(1, "later")]
    assert changes.counts == Counts(new=1, changed=1)
    back_again = compare([row(1, "new"), row(1, "old")], {1: "old"})
    assert back_again.counts == Counts(unchanged=1), "the row as stored came last"


def test_the_content_decides_and_not_the_columns() -> None:
    changes = compare([row(1, "a", title="another title")], {1: "a"})
    assert changes.counts == Counts(unchanged=1)
    assert changes.learned == (), "of tests there is nothing else to learn"


rows = st.lists(
    st.builds(row, st.integers(1, 12), st.sampled_from(["a", "b", "c"]), st.none()), max_size=30
)
stored = st.dictionaries(st.integers(1, 12), st.sampled_from(["a", "b", "c"]))


@given(page=rows, known=stored)
def test_every_id_stands_in_the_one_list_that_its_last_record_belongs_in(
    page: list[TestRecord], known: dict[int, str]
) -> None:
    last = {record.id: record for record in page}
    changes = compare(iter(page), known)
    listed = [*changes.new, *changes.changed, *changes.unchanged]
    assert sorted(r.id for r in listed) == sorted(last), "an id is missing or stands twice"
    assert all(last[r.id] is r for r in listed), "an earlier record was kept"
    assert set(ids(changes.new)) == last.keys() - known.keys()
    expected = {i for i, r in last.items() if i in known and known[i] == r.content_hash}
    assert set(ids(changes.unchanged)) == expected
    assert changes.counts.seen == len(last)


@given(page=rows, known=stored)
def test_once_written_the_same_page_changes_nothing(
    page: list[TestRecord], known: dict[int, str]
) -> None:
    first = compare(page, known)
    written = {r.id: r.content_hash for r in (*first.new, *first.changed)}
    again = compare(page, {**known, **written})
    assert again.counts == Counts(unchanged=len({r.id for r in page})), f"{again}"


def test_a_row_that_was_marked_as_deleted_is_revived_and_counted_once() -> None:
    held = {
        1: StoredRow(content_hash="a", is_deleted=True),
        2: StoredRow(content_hash="a", is_deleted=True),
        3: StoredRow(content_hash="a"),
    }
    changes = compare_held([row(1), row(2, "b"), row(3)], held)
    assert changes.revived == {1, 2}
    assert changes.counts == Counts(revived=2, unchanged=1)
