"""What is wrong with the database."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from rules.diagnosis.codes import Code
from tests.diagnosis.patient import Patient
from tests.diagnosis.scenarios import Acting, scenario


@scenario(Code.DATABASE_DAMAGED)
def damaged(patient: Patient) -> Acting:
    patient.home.run("sync")
    with patient.home.database.open("r+b") as file:
        file.write(os.urandom(4_000))
    found = yield
    assert found["action"] == "testio-sync rebuild"
    patient.home.run("rebuild", "--yes", expect=None)  # a person says yes to it
    patient.home.run("sync")


@scenario(Code.DATABASE_GONE, usual=True)
def gone(patient: Patient) -> Acting:
    patient.home.run("sync")
    patient.home.database.unlink()
    found = yield
    patient.carry_out(found["action"].partition(" or ")[2])


@scenario(Code.DATABASE_LOCKED)
def locked(patient: Patient) -> Acting:
    """While a run waits to write."""
    home = patient.home
    home.daemon()
    home.wait_for_run(1)
    with patient.locked():
        home.start("sync", "--force")
        found = yield
        assert f"with pid {os.getpid()}" in found["action"], found


@scenario(Code.LOG_GROWS)
def log_grows(patient: Patient) -> Acting:
    home = patient.home
    home.daemon()
    home.wait_for_run(1)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tests").fetchall()
        with closing(sqlite3.connect(home.database, isolation_level=None)) as writer:
            writer.execute("CREATE TABLE theirs AS SELECT zeroblob(70000000)")
            writer.execute("DROP TABLE theirs")
            found = yield
        assert "fuser" in found["action"]
    home.run("sync", "--force")


@scenario(Code.NOTHING_SYNCED)
def new(patient: Patient) -> Acting:
    found = yield
    patient.carry_out(found["action"].partition(",")[0])
