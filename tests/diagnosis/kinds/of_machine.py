"""What is wrong with the machine, the files and the configuration."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

from rules.diagnosis.codes import Code
from tests.diagnosis.patient import Patient
from tests.diagnosis.scenarios import Acting, scenario


@scenario(Code.CONFIGURATION, only_check=True)
def no_token(patient: Patient) -> Acting:
    patient.home.settings["TESTIO_CUSTOMER_API_TOKEN"] = ""
    found = yield
    assert "expected the account's API token" in found["message"]
    assert found["remedy"] == "change it there"
    patient.home.settings["TESTIO_CUSTOMER_API_TOKEN"] = patient.home.simulator.token


@scenario(Code.SETTING_UNKNOWN, only_check=True)
def typo(patient: Patient) -> Acting:
    patient.home.settings["HTTP_TIMEOUT"] = "5"
    found = yield
    right = found["remedy"].removeprefix("did you mean ").rstrip("?")
    patient.home.settings[right] = patient.home.settings.pop("HTTP_TIMEOUT")


@scenario(Code.FILE_MODE, usual=True, only_check=True)
def open_to_others(patient: Patient) -> Acting:
    patient.home.run("sync")
    patient.home.database.chmod(0o644)
    yield
    for found in patient.check():
        if found["code"] == Code.FILE_MODE:
            word, mode, path = found["remedy"].split()
            assert word == "chmod"
            os.chmod(path, int(mode, 8))


@scenario(Code.DATABASE_ALIAS, only_check=True)
def hard_link(patient: Patient) -> Acting:
    patient.home.run("sync")
    other = patient.home.folder / "other.db"
    os.link(patient.home.database, other)
    found = yield
    assert "leave one of them" in found["remedy"]
    other.unlink()


@scenario(Code.OLDER_COPIES, only_check=True)
def older_copies(patient: Patient) -> Acting:
    patient.home.run("sync")
    copy = patient.home.folder / "testio.db.schema-0003.bak"
    shutil.copy(patient.home.database, copy)
    with closing(sqlite3.connect(copy)) as connection, connection:
        connection.execute("PRAGMA user_version = 0")
    found = yield
    assert copy.name in found["message"]
    copy.unlink()


@scenario(Code.OTHER_ADDRESS, only_check=True)
def other_address(patient: Patient) -> Acting:
    patient.home.run("sync")
    url = patient.home.simulator.base_url
    patient.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = url.replace("127.0.0.1", "localhost")
    found = yield
    assert url in found["message"]
    patient.home.settings["TESTIO_CUSTOMER_API_BASE_URL"] = url


@scenario(Code.LOG_FILE, only_check=True)
def log_file(patient: Patient) -> Acting:
    patient.home.settings["LOG_FILE"] = "."
    found = yield
    assert found["remedy"] == "change LOG_FILE"
    patient.home.settings["LOG_FILE"] = "log.txt"


@scenario(Code.RUN_IN_FUTURE, only_check=True)
def run_in_future(patient: Patient) -> Acting:
    """The clock was wrong when it began: the next run is in order again."""
    patient.home.run("sync")
    patient.change("UPDATE sync_runs SET started_at = '2999-01-01T00:00:00.000000Z'")
    found = yield
    assert "clock" in found["remedy"]
    patient.change("DELETE FROM sync_runs")
