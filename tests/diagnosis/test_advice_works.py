"""The advice works: what a finding says to do is done, and the finding is gone."""

from __future__ import annotations

import os

import pytest

from rules.diagnosis.codes import Code
from tests.diagnosis import kinds
from tests.diagnosis.patient import Patient
from tests.diagnosis.scenarios import SCENARIOS, UNTRIED, Scenario
from tests.homes import Home
from tests.tools import ON_CI

assert kinds, "they declare the scenarios"
ALL = os.environ.get("DIAGNOSIS") == "all" or ON_CI
CHOSEN = [each for each in SCENARIOS if each.usual or ALL]


@pytest.mark.parametrize("scenario", CHOSEN, ids=lambda each: each.code.value)
def test_the_finding_is_gone_once_its_action_is_carried_out(scenario: Scenario, home: Home) -> None:
    patient = Patient(home)
    acting = scenario.act(patient)
    next(acting)
    code, only_check = scenario.code, scenario.only_check
    found = patient.finding(code, only_check=only_check)
    patient.agrees(code, only_check=only_check)
    with pytest.raises(StopIteration):
        acting.send(found)
    home.wait_for(lambda: not patient.has(code, only_check=only_check), f"the end of {code.value}")


def test_every_code_has_a_scenario_or_a_reason_against_one() -> None:
    tried = {each.code for each in SCENARIOS}
    assert tried | set(UNTRIED) == set(Code)
    assert tried & set(UNTRIED) == set()
