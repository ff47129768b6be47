"""When a page may be asked for by its ETag, and what "unchanged" confirms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.changes import Held, look_again
from rules.page_tags import (
    LONGEST_ETAG,
    HeldRow,
    PageTag,
    digest_of,
    held_page,
    tag_for,
    usable_etag,
)
from rules.places import page_of_products, page_of_tests
from rules.windows import Window

PLACE = page_of_tests(7, Window(page=3, per_page=25))

contents = st.lists(
    st.tuples(st.integers(1, 40), st.text("abc", min_size=1, max_size=2)),
    max_size=6,
    unique_by=lambda row: row[0],
)


def tagged(rows: list[tuple[int, str]]) -> PageTag:
    tag = tag_for(PLACE, '"a"', ids=[key for key, _ in rows], contents=rows, mapping=1)
    assert tag is not None
    return tag


@given(told=contents, there=contents, mapping=st.sampled_from([1, 1, 1, 2]))
def test_a_tag_is_used_only_for_just_the_rows_that_it_came_with(
    told: list[tuple[int, str]], there: list[tuple[int, str]], mapping: int
) -> None:
    ids = {key for key, _ in told}
    of_the_page = [HeldRow(key, content) for key, content in there if key in ids]
    page = held_page(tagged(told), of_the_page, mapping=mapping)
    same = {(row.id, row.content_hash) for row in of_the_page} == set(told)
    assert (page is not None) == (same and mapping == 1)
    if page is not None:
        assert [(row.id, row.content_hash) for row in page.rows] == told, "in the page's order"


@given(rows=contents.filter(bool), at=st.integers(0, 5))
def test_any_change_of_a_row_makes_its_tag_useless(rows: list[tuple[int, str]], at: int) -> None:
    now = [HeldRow(*row) for row in rows]
    at %= len(rows)
    tag = tagged(rows)
    assert held_page(tag, now, mapping=1) is not None
    changed = now[at]._replace(content_hash=now[at].content_hash + "x")
    assert held_page(tag, [*now[:at], changed, *now[at + 1 :]], mapping=1) is None
    assert held_page(tag, [*now[:at], *now[at + 1 :]], mapping=1) is None
    assert held_page(tag, now, mapping=2) is None


@given(rows=contents, other=contents)
def test_other_rows_or_another_order_have_another_digest(
    rows: list[tuple[int, str]], other: list[tuple[int, str]]
) -> None:
    assert (digest_of(rows) == digest_of(other)) == (rows == other)


@pytest.mark.parametrize(
    ("ids", "rows", "why"),
    [
        ([1, None, 2], [(1, "a"), (2, "b")], "a record without a usable id"),
        ([1, 2], [(1, "a")], "a record that could not be used"),
        ([1, 1], [(1, "a"), (1, "b")], "a record that stands twice"),
    ],
)
def test_no_tag_is_kept_of_a_page_that_is_not_clean(
    ids: list[int | None], rows: list[tuple[int, str]], why: str
) -> None:
    assert tag_for(PLACE, '"a"', ids=ids, contents=rows, mapping=1) is None, why


def test_an_empty_list_can_have_a_tag() -> None:
    page = held_page(tagged([]), [], mapping=1)
    assert page is not None
    assert page.rows == ()


@pytest.mark.parametrize(
    "header",
    ['""', '"abc"', 'W/"abc"', '"a,b;c\\/"', '"' + "x" * (LONGEST_ETAG - 2) + '"'],
)
def test_tags_that_are_sent_back_as_they_came(header: str) -> None:
    assert usable_etag(header) == header


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "*", "abc", '"abc', 'w/"abc"', '"a b"', '"a", "b"', '"a"\n', '"a\r\nX: 1"'),
        *('"ä"', '"\x7f"', '"a"b"', '"' + "x" * LONGEST_ETAG + '"'),
    ],
)
def test_absurd_tags_are_not_kept(header: str | None) -> None:
    assert usable_etag(header) is None


@given(st.text(max_size=20))
def test_whatever_a_remote_sends_as_a_tag_can_stand_in_a_header(header: str) -> None:
    kept = usable_etag(header)
    assert kept is None or (kept.isascii() and kept.isprintable() and kept.endswith('"'))


def test_the_address_of_a_page_is_its_path_and_query() -> None:
    assert PLACE.url == "/products/7/exploratory_tests?page=3&per_page=25"
    assert page_of_products().url == "/products"


def test_what_was_rewritten_meanwhile_is_left_alone_and_what_was_deleted_is_named() -> None:
    said = [HeldRow(key, "a") for key in range(1, 6)]
    now = {
        1: Held(content_hash="a", owner=7),
        2: Held(content_hash="b", owner=7),
        3: Held(content_hash="a", owner=8),
        4: Held(content_hash="a", owner=7, is_deleted=True),
    }
    found = look_again(said, now, owner=7)
    assert (found.confirmed, found.gone) == ((1,), (4, 5))
