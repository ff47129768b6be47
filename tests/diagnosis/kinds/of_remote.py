"""What is wrong with the remote."""

from __future__ import annotations

from typing import Any

from rules.diagnosis.codes import Code
from tests.diagnosis.patient import Patient
from tests.diagnosis.scenarios import Acting, scenario


@scenario(Code.UNAUTHORIZED, usual=True)
def token_refused(patient: Patient) -> Acting:
    """The network had failed before: nobody is sent to it any more."""
    home = patient.home
    token = home.folder / "token"
    token.write_text(home.simulator.token)
    token.chmod(0o600)
    home.settings |= {
        "TESTIO_CUSTOMER_API_TOKEN_FILE": str(token),
        "TESTIO_CUSTOMER_API_TOKEN": "",
        "TESTIO_REFRESH_INTERVAL_SECONDS": "0",
    }
    home.run("sync")
    patient.change(
        "UPDATE sync_cursors SET failing_since = ?, last_error = 'connection_failed: refused'",
        patient.long_ago(0),
    )
    home.simulator.set_token("another-token-1")
    home.daemon()
    assert home.wait_for_run(2) == "failed"
    found = yield
    assert str(token) in found["action"]
    said = found.get("said") or found["message"]
    assert "not asked since" in said, said
    token.write_text("another-token-1")
    patient.carry_out(found["action"])


@scenario(Code.CONNECTION_FAILED)
def down_at_the_first_run(patient: Patient) -> Acting:
    """The remote is down at the first run: nobody is told that a list does not exist."""
    url = patient.home.simulator.base_url
    patient.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = "http://127.0.0.1:9/customer/v2"
    patient.home.run("sync", expect=1)
    told = patient.home.run("runs", "show", "1").stdout
    assert "there is no such list" not in told
    found = yield
    assert "the next run tries again" in found["action"]
    patient.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = url
    patient.home.run("sync")


@scenario(Code.FORBIDDEN)
def forbidden(patient: Patient) -> Acting:
    sick, *others = (each["id"] for each in patient.home.simulator.account()["products"])
    patient.home.simulator.add_fault(kind="status", status=403, product_id=sick)
    patient.home.run("sync", expect=3)
    found = yield
    assert "TESTIO_PRODUCT_IDS" in found["action"]
    patient.home.settings["TESTIO_PRODUCT_IDS"] = ",".join(map(str, others))
    patient.home.run("sync")


@scenario(Code.SERVER_ERROR)
def server_error(patient: Patient) -> Acting:
    yield from _one_list(patient, status=500)


@scenario(Code.NOT_FOUND)
def not_found(patient: Patient) -> Acting:
    """The product is gone, and the list of products that we have does not say so yet."""
    home = patient.home
    home.run("sync")
    gone = home.simulator.account()["products"][0]["id"]
    home.simulator.mutate(action="delete", kind="product", id=gone)
    home.run("sync", "--phases", "features", "new_tests", expect=3)
    found = yield
    command = found["action"].partition(";")[0]
    assert "twice" in command
    patient.carry_out(command)
    patient.carry_out(command)


@scenario(Code.BAD_PAYLOAD)
def bad_payload(patient: Patient) -> Acting:
    fault = patient.home.simulator.add_fault(kind="garbage", path="/products")
    patient.home.run("sync", expect=None)
    found = yield
    assert "TESTIO_CUSTOMER_API_BASE_URL" in found["action"]
    patient.home.simulator.remove_fault(fault)
    patient.home.run("sync")


def _one_list(patient: Patient, **fault: Any) -> Acting:
    sick = patient.home.simulator.account()["products"][0]["id"]
    number = patient.home.simulator.add_fault(
        kind="status", product_id=sick, path="*/features", **fault
    )
    patient.home.run("sync", expect=3)
    found = yield
    patient.home.simulator.remove_fault(number)
    patient.carry_out(found["action"])
