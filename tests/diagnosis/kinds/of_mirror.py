"""What is wrong with the mirror."""

from __future__ import annotations

from rules.diagnosis.codes import Code
from tests.diagnosis.patient import Patient
from tests.diagnosis.scenarios import Acting, scenario


@scenario(Code.STALE)
def stale(patient: Patient) -> Acting:
    patient.home.run("sync")
    patient.change("UPDATE sync_cursors SET current_as_of = ?", patient.long_ago())
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.INCOMPLETE)
def incomplete(patient: Patient) -> Acting:
    patient.home.run("sync")
    patient.change("UPDATE sync_cursors SET complete_as_of = ?", patient.long_ago())
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.NOT_LISTED)
def not_listed(patient: Patient) -> Acting:
    home = patient.home
    first = str(home.simulator.account()["products"][0]["id"])
    home.settings["TESTIO_PRODUCT_IDS"] = f"{first},99999"
    home.run("sync", expect=3)
    found = yield
    assert "TESTIO_PRODUCT_IDS" in found["action"]
    home.settings["TESTIO_PRODUCT_IDS"] = first


@scenario(Code.NEVER_FETCHED)
def never_fetched(patient: Patient) -> Acting:
    first = str(patient.home.simulator.account()["products"][0]["id"])
    patient.home.run("sync", "--product-ids", first)
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.RUN_INTERRUPTED, usual=True)
def run_killed(patient: Patient) -> Acting:
    hanging = patient.home.hang("*/features")
    running = patient.home.start("sync")
    patient.home.wait_for_hang()
    patient.kill(running)
    patient.home.simulator.remove_fault(hanging)
    found = yield
    patient.carry_out(found["action"])


@scenario(Code.UNREADABLE_RECORDS)
def poison(patient: Patient) -> Acting:
    """What `problems list` shows can be tried again once the remote is mended."""
    account = patient.home.simulator.account()
    product = account["products"][0]["id"]
    hidden = account["tests"][str(product)][10]["id"]
    fault = patient.home.simulator.add_fault(kind="poison", test_id=hidden)
    patient.home.run("sync", expect=3)
    found = yield
    patient.carry_out(found["action"])
    patient.home.simulator.remove_fault(fault)
    patient.carry_out("testio-sync problems retry")


@scenario(Code.HELD)
def held(patient: Patient) -> Acting:
    home = patient.home
    home.run("sync")
    product = home.simulator.account()["products"][0]["id"]
    for each in home.simulator.account()["tests"][str(product)]:
        home.simulator.mutate(action="delete", kind="test", id=each["id"])
    home.run("sync", "--force", expect=None)
    found = yield
    patient.carry_out(found["action"])
    entry = home.json("deletions", "list", "--json")[0]["id"]
    home.run("deletions", "accept", str(entry))
    home.run("sync")
