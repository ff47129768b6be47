"""Every event that the code logs is declared, with its fields; and the other way round."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.log_events import EVENTS, FIELDS, OFTEN
from rules.run.events import EventName
from service.daemon import endings

ROOT = Path(__file__).parents[3]
PACKAGES = (
    "actors",
    "cli",
    "config",
    "control",
    "rules",
    "service",
    "simulator",
    "storage",
    "testio",
)
LEVELS = {"debug", "info", "warning", "error", "critical", "exception"}
AS_ERROR = {"exception": "error"}


def calls() -> Iterator[tuple[str, str, set[str], str]]:
    """Each call of a log: the event, its level, the names of its fields, and where it stands."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and (found := _call(node)) is not None:
                    yield *found, f"{path.relative_to(ROOT)}:{node.lineno}"


def _call(node: ast.Call) -> tuple[str, str, set[str]] | None:
    function = node.func
    if not isinstance(function, ast.Attribute) or function.attr not in {*LEVELS, "log"}:
        return None
    if not ast.unparse(function.value).startswith(("log", "structlog.get_logger")):
        return None
    said = node.args[1 if function.attr == "log" else 0]
    if not isinstance(said, ast.Constant):
        return None  # rows of `sync_events`, and why a daemon ends
    names = {each.arg for each in node.keywords if each.arg is not None}
    return str(said.value), function.attr, names


CALLS = list(calls())
ENDINGS = {
    str(value.value)
    for node in ast.walk(ast.parse(Path(endings.__file__).read_text(encoding="utf-8")))
    if isinstance(node, ast.keyword) and node.arg == "event"
    for value in ast.walk(node.value)
    if isinstance(value, ast.Constant)
}
"""The events of which a daemon ends."""


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]} at {call[3]}")
def test_what_is_logged_is_declared(call: tuple[str, str, set[str], str]) -> None:
    name, level, fields, _place = call
    assert name in EVENTS, f"declare {name} in config/log_events.py"
    assert fields <= EVENTS[name].names | OFTEN, fields - EVENTS[name].names
    if level != "log":
        assert AS_ERROR.get(level, level) in EVENTS[name].level.split(", ")


def test_what_is_declared_is_logged() -> None:
    logged = {name for name, *_ in CALLS} | {event.value for event in EventName} | ENDINGS
    assert logged - set(EVENTS) == set()
    assert set(EVENTS) - logged == set(), "these are never logged"


def test_every_field_has_one_meaning_and_is_used() -> None:
    used = {name for event in EVENTS.values() for name in event.names}
    assert used - OFTEN - set(FIELDS) == set(), "explain these"
    assert set(FIELDS) - used - OFTEN == set(), "nobody has these"
