"""Hand-made pages through the parsers: ids, types, times, depth and size of a single bad row."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.records import MAX_ID, TestRecord
from testio import payloads
from testio.bodies import parse
from testio.errors import BadPayload
from testio.payloads import EXCERPT_LENGTH, Rows


def body(*rows: str) -> bytes:
    """A page of tests from rows that are JSON text, or nearly."""
    return ('{"exploratory_tests": [' + ",".join(rows) + "]}").encode("utf-8", "surrogatepass")


def between_neighbours(row: str) -> Rows[TestRecord]:
    """A page whose second of three rows is this one, 20 rows down the list."""
    rows = payloads.tests(body('{"id": 1}', row, '{"id": 3}'), 7, offset=20)
    assert [record.id for record in rows.records] == [1, 3], "the neighbours were not kept"
    assert [bad.position for bad in rows.bad_rows] == [22]
    assert len(rows.ids) == 3
    return rows


def test_the_same_bad_row_has_the_same_fingerprint_each_time() -> None:
    for row in ('{"id": 2, "duration": NaN}', '{"id": 2, "title": "\\ud83d"}', '{"id": "2"}'):
        kept = [between_neighbours(row).bad_rows[0]]
        in_between = [parse(b'{"a": NaN}') for _ in range(50)]
        kept.append(between_neighbours(row).bad_rows[0])
        assert len(in_between) == 50
        assert kept[0].fingerprint == kept[1].fingerprint, [bad.excerpt for bad in kept]
        assert "object at 0x" not in kept[0].excerpt, kept[0].excerpt


NOT_AN_ID = ["null", "true", "false", "0", "-1", '"5"', '""', "1.0", "1e3", "[]", "{}", "[1]"]
NOT_AN_ID += [str(2**63), str(2**64), str(2**70), str(-(2**63)), "NaN", "1e999"]


@pytest.mark.parametrize("value", NOT_AN_ID)
def test_an_unusable_id_is_set_aside(value: str) -> None:
    rows = between_neighbours(f'{{"id": {value}}}')
    assert rows.bad_rows[0].reason.startswith("id ")
    assert (rows.bad_rows[0].record_id, rows.ids) == (None, (1, None, 3))


def test_the_largest_id_is_usable_and_a_missing_one_is_not() -> None:
    assert payloads.tests(body(f'{{"id": {MAX_ID}}}'), 7, offset=0).ids == (MAX_ID,)
    assert between_neighbours("{}").bad_rows[0].reason.startswith("id ")


@pytest.mark.parametrize("row", ["null", "5", '"text"', "[]", '[{"id": 2}]', "true", "NaN"])
def test_a_row_that_is_no_object_is_set_aside(row: str) -> None:
    assert "object" in between_neighbours(row).bad_rows[0].reason


@pytest.mark.parametrize("field", ["title", "test_title", "status", "review_status", "end_at"])
@pytest.mark.parametrize("value", ["5", "true", "[]", '{"a": 1}'])
def test_a_wrong_type_is_named(field: str, value: str) -> None:
    bad = between_neighbours(f'{{"id": 2, "{field}": {value}}}').bad_rows[0]
    assert (bad.reason.split()[0], bad.record_id) == (field, 2)


@pytest.mark.parametrize(
    "time", ["soon", "2026-13-01T00:00:00Z", "1751284800", "0001-01-01T00:00:00+14:00"]
)
def test_an_impossible_time_is_named(time: str) -> None:
    bad = between_neighbours(f'{{"id": 2, "end_at": "{time}"}}').bad_rows[0]
    assert bad.reason.startswith("end_at ")


@pytest.mark.parametrize("depth", [200, 400, 800, 990, 1_020, 1_500, 20_000])
@pytest.mark.parametrize("field", ["invented", "test_environment"])
def test_deep_nesting_costs_its_row_or_is_an_error_with_a_type(depth: int, field: str) -> None:
    nested = '{"a":' * depth + "1" + "}" * depth
    page = body('{"id": 1}', f'{{"id": 2, "{field}": {nested}}}', '{"id": 3}')
    try:
        rows = payloads.tests(page, 7, offset=0)
    except BadPayload:
        assert depth > 1_000, "the neighbours were lost"
        return
    assert {1, 3} <= {record.id for record in rows.records}


def test_numbers_too_large_for_json_are_not_silently_changed() -> None:
    rows = payloads.tests(body('{"id": 1}', '{"id": 2, "invented": 1e999}'), 7, offset=0)
    kept = {record.id: json.loads(record.data) for record in rows.records}
    assert kept.get(2, {}).get("invented", "set aside") is not None, "1e999 has become null"


def test_reasons_and_excerpts_have_a_readable_length() -> None:
    for row in (f'{{"id": "{"x" * 100_000}"}}', f'{{"id": 2, "title": {{"{"k" * 100_000}": 1}}}}'):
        bad = between_neighbours(row).bad_rows[0]
        assert len(bad.excerpt) <= EXCERPT_LENGTH
        assert len(bad.reason) <= 2 * EXCERPT_LENGTH, f"a reason of {len(bad.reason)} characters"


def test_an_id_that_stands_twice_is_handed_on_twice() -> None:
    rows = payloads.tests(body('{"id": 1}', '{"id": 2}', '{"id": 1, "title": "b"}'), 7, offset=0)
    assert (rows.ids, rows.bad_rows) == ((1, 2, 1), ())
    assert [record.title for record in rows.records] == [None, None, "b"]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v))
FIELDS = ("id", "title", "status", "start_at", "end_at", "test_environment", "features", "other")


@settings(deadline=None, max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), values) | values, max_size=5))
def test_each_row_of_any_json_is_kept_or_set_aside(items: list[Any]) -> None:
    rows = payloads.tests(json.dumps({"exploratory_tests": items}).encode(), 7, offset=0)
    assert len(rows.records) + len(rows.bad_rows) == len(rows.ids) == len(items)
    for bad in rows.bad_rows:
        bad.excerpt.encode(), bad.reason.encode()  # SQLite takes no lone surrogate
