"""Every code is explained once, and what it tells to do can be done."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.main import VERBS
from rules.diagnosis.catalogue import (
    CATALOGUE,
    ENDED_EARLY,
    code_of,
    entry_of,
    found,
    rank,
    urgency,
)
from rules.diagnosis.codes import Code
from rules.diagnosis.entries import UNFILLED, Entry
from rules.diagnosis.findings import Severity
from rules.model import ErrorKind, RunStatus


def test_every_code_and_every_type_of_failure_is_explained() -> None:
    assert set(CATALOGUE) == set(Code)
    assert {code_of(kind) for kind in ErrorKind} == {Code(kind.value) for kind in ErrorKind}
    assert all(entry_of(kind) is CATALOGUE[Code(kind.value)] for kind in ErrorKind)


@pytest.mark.parametrize("code", Code)
def test_every_command_in_an_action_exists_and_every_blank_is_filled(code: Code) -> None:
    entry = CATALOGUE[code]
    assert entry.cause
    assert set(re.findall(r"{(\w+)}", entry.action)) <= set(UNFILLED)
    action = entry.action_with()
    assert "{" not in action
    for words in action.split("testio-sync ")[1:]:
        assert words.split()[0].strip(",;:") in VERBS


@pytest.mark.parametrize("entry", [*CATALOGUE.values()])
def test_words_follow_a_colon_or_a_dash_and_begin_small(entry: Entry) -> None:
    for text in (entry.cause, entry.action):
        assert not text.endswith(".")
        assert text[0].islower() or not text[0].isalpha() or text.startswith("SQLite")


def test_what_the_remote_refused_sends_nobody_to_the_proxy() -> None:
    """A 422 is an answer of the remote: the way to it is all right."""
    entry = CATALOGUE[Code.REFUSED]
    assert "proxy" not in f"{entry.cause} {entry.action}".lower()


def test_what_never_heals_is_more_urgent_than_what_may() -> None:
    heals = [CATALOGUE[Code(kind.value)].heals for kind in sorted(ErrorKind, key=urgency)]
    assert heals == sorted(heals)
    assert urgency("unauthorized") < urgency("server_error") < urgency("of a later version")
    assert entry_of("of a later version") is None
    assert entry_of(None) is None
    assert code_of("of a later version") is Code.FAILING


@given(st.lists(st.tuples(st.sampled_from(Code), st.sampled_from(Severity)), max_size=9))
def test_findings_are_ranked_by_severity_before_all_else(
    given: list[tuple[Code, Severity]],
) -> None:
    told = [found(code, "x", "y", severity=severity) for code, severity in given]
    order = [finding.severity for finding in sorted(told, key=rank)]
    assert order == sorted(order, key=list(Severity).index)


def test_what_is_known_is_filled_into_the_action_and_the_usual_severity_may_be_another() -> None:
    finding = found(Code.UNAUTHORIZED, "x", "y", place="/t", afterwards="look")
    assert finding.action == "put a valid token into /t, then look"
    assert finding.severity is Severity.ERROR
    assert found(Code.PAUSED, "x", "y", severity=Severity.ERROR).severity is Severity.ERROR


def test_runs_that_did_not_come_to_their_own_end_are_explained() -> None:
    assert set(ENDED_EARLY) == {RunStatus.INTERRUPTED, RunStatus.CANCELLED}
    assert "killed" in ENDED_EARLY[RunStatus.INTERRUPTED].cause
