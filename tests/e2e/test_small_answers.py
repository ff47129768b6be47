"""Answers of a few megabytes that would cost much cost little, and nothing false follows."""

from __future__ import annotations

import pytest

from storage.writes.quarantine_rows import MOST_BAD_ROWS
from testio.payloads import MOST_RECORDS
from tests.homes import Home
from tests.tools import ON_CI

LISTS = {"products": "/products", "features": "*/features", "tests": "*/exploratory_tests"}
KEYS = {"products": "products", "features": "features", "tests": "exploratory_tests"}
LONG = "x" * 1_000_000


def answer(home: Home, kind: str, rows: str) -> None:
    """From now on all lists of a kind are so."""
    body = f'{{"{KEYS[kind]}":[{rows}]}}'
    home.simulator.add_fault(kind="status", status=200, body=body, path=LISTS[kind])


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("row", ["[]", '{"id":1}'] if ON_CI else ["[]"])
def test_a_refused_list_marks_nothing_and_ends_no_listing(home: Home, kind: str, row: str) -> None:
    home.run("sync")
    complete = f"SELECT product_id, complete_as_of FROM sync_cursors WHERE kind = '{kind}'"
    before = home.sql(complete)
    assert all(as_of for _, as_of in before)
    for many in (MOST_RECORDS + 1, 2_000_000):
        answer(home, kind, ",".join([row] * many))
        home.run("sync", "--force", expect=3)
        home.simulator.clear_faults()
        assert home.sql(complete) == before
        for table in LISTS:
            assert home.sql(f"SELECT count(*) FROM {table} WHERE deleted_at IS NOT NULL") == [(0,)]
    error = home.sql(f"SELECT DISTINCT last_error FROM sync_cursors WHERE kind = '{kind}'")
    assert "more than 2000000 values" in error[0][0], error
    home.run("sync")


def test_thousands_of_unusable_records_are_told_in_a_few_lines(home: Home) -> None:
    answer(home, "features", ",".join(f'{{"id":"{number}"}}' for number in range(5_000)))
    home.run("sync", expect=3)
    products = len(home.simulator.account()["products"])
    assert home.sql_count("quarantine") == products * (MOST_BAD_ROWS + 1)
    assert home.sql("SELECT DISTINCT rows_quarantined FROM sync_runs") == [(products * 5_000,)]
    listed = home.run("problems", "list").stdout
    assert listed.count("4900 more of this list cannot be used") == products
    assert "5000 unusable records" in listed.replace(",", "")
    assert len(listed.splitlines()) < products * (MOST_BAD_ROWS + 5)
    home.simulator.clear_faults()
    home.run("sync")
    assert home.run("problems", "list").stdout == "no problems\n"


def test_a_name_of_a_megabyte_is_shown_in_part_and_told_whole(home: Home) -> None:
    product = home.simulator.account()["products"][0]["id"]
    home.simulator.mutate("change", "product", id=product, fields={"name": LONG})
    home.run("sync")
    for words in (("products",), ("status",), ("runs", "show", "1"), ("events",)):
        assert len(home.run(*words).stdout) < 50_000, words
    rows = home.json("products", "--json")["rows"]
    assert LONG in [row["name"] for row in rows]
