"""What a finding says, what is mended first, and which exit status that is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from rules.diagnosis.catalogue import found
from rules.diagnosis.codes import Code
from rules.diagnosis.findings import Area, Finding, Fine, Severity, first_at_fault
from rules.diagnosis.of_machine import Looked
from service.checkup.doctor import exit_status
from service.exit_status import ExitStatus
from tests.unit.diagnosis.worlds import NOW, ago

PLAIN = found(Code.PAUSED, "x", "it rests")


def test_a_finding_says_what_for_how_long_and_why() -> None:
    assert (PLAIN.text, PLAIN.said(NOW), PLAIN.seconds(NOW)) == ("it rests", "it rests", None)
    why = replace(PLAIN, why="so it is", since=ago(3_700))
    assert why.text == "it rests: so it is"
    assert why.said(NOW) == "it rests for 1 h 1 min: so it is"
    assert why.seconds(NOW) == 3_700
    assert replace(PLAIN, since=ago(-9)).said(NOW) == "it rests for 0 s", "a clock was put right"


def a_finding(severity: Severity, area: Area = Area.OTHER) -> Finding:
    return replace(PLAIN, severity=severity, area=area)


findings = st.lists(st.builds(a_finding, st.sampled_from(Severity), st.sampled_from(Area)))


@given(findings, st.booleans())
def test_the_status_is_zero_exactly_if_nothing_is_wrong_that_counts(
    told: list[Finding], deny_warnings: bool
) -> None:
    looked: list[Looked] = [*told, Fine(subject="x", message="well")]
    status = exit_status(looked, deny_warnings=deny_warnings)
    errors = any(finding.severity is Severity.ERROR for finding in told)
    warned = any(finding.severity is Severity.WARNING for finding in told)
    assert (status is ExitStatus.DONE) == (not errors and not (deny_warnings and warned))
    assert (status is ExitStatus.PARTIAL) == (not errors and deny_warnings and warned)
    assert (first_at_fault(told) is None) == (not errors)


def test_what_has_to_be_mended_first_names_the_status() -> None:
    areas = [Area.OTHER, Area.DATABASE, Area.DAMAGE, Area.CREDENTIALS, Area.CONFIGURATION]
    told = [a_finding(Severity.WARNING, Area.CONFIGURATION)]
    statuses = []
    for area in areas:
        told.append(a_finding(Severity.ERROR, area))
        statuses.append(int(exit_status(told, deny_warnings=True)))
    assert statuses == [1, 6, 9, 5, 2]
