"""What `make mutation` works with: the list of survivors, the copy, and the judging."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rules.listing.windows import overlapping_window
from tests.mutation.judging import Change, Fate, known_survivors, table
from tests.mutation.staging import ROOT, UNDERSTOOD, rule_tests, undecorated


@pytest.mark.parametrize("change", known_survivors(), ids=lambda each: each.function)
def test_a_known_survivor_is_still_about_code_that_is_there_and_has_a_reason(
    change: Change,
) -> None:
    assert len(known_survivors()[change].split()) > 3, "why it cannot be killed"
    source = (ROOT / change.file).read_text()
    assert f"def {change.function.rpartition('.')[2]}(" in source
    lines = {line.strip() for line in source.splitlines()}
    assert set(change.original.splitlines()) <= lines, "the code has changed: look again"


def test_a_survivor_is_known_wherever_its_line_has_moved() -> None:
    listed = Change(file="rules/x.py", function="f", original="a < b", mutant="a <= b")
    assert listed == Change(file="rules/x.py", function="f", original="a < b", mutant="a <= b")
    assert str(listed).startswith("[[survivor]]\nfile = ")


SOURCE = """
import functools

class Thing:
    @property
    def name(self):
        return "x"

    @classmethod
    def of(cls):
        return cls()

@functools.lru_cache(maxsize=9)
def cached():
    return []
"""


def test_in_the_copy_decorators_stand_behind_and_the_meaning_is_the_same() -> None:
    names: dict[str, object] = {}
    exec(undecorated(SOURCE), names)
    thing = names["Thing"].of()  # type: ignore[attr-defined]
    assert thing.name == "x"
    first, second = names["cached"](), names["cached"]()  # type: ignore[operator]
    assert first is not second, "a cache would answer for a mutant"


MODULES = sorted((ROOT / "rules").rglob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda each: each.stem)
def test_no_function_of_the_rules_is_left_alone(module: Path) -> None:
    tree = ast.parse(undecorated(module.read_text()))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    decorators = {ast.unparse(each) for node in functions for each in node.decorator_list}
    assert decorators <= set(UNDERSTOOD)


def test_each_unit_test_of_a_rule_takes_part() -> None:
    chosen = rule_tests()
    assert "tests/unit/listing/test_listing.py" in chosen
    assert "tests/unit/project/test_imports.py" not in chosen
    assert overlapping_window.cache_info().maxsize, "the one that the copy leaves out"


def test_what_neither_failed_nor_hung_has_survived() -> None:
    ends = ["killed", "timeout", "survived", "no tests", "not checked", "suspicious"]
    found = [Fate(module="listing", end=end, name="x") for end in ends]
    assert [fate.survived for fate in found] == [False, False, True, True, True, True]
    assert table(found).splitlines()[1].split() == ["listing", "6", "1", "1", "4", "66.7%"]
