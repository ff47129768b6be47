"""What a process that is started from here finds in its environment."""

from __future__ import annotations

import os

import pytest

from config.children import NOT_PASSED_ON, forget, passed_on
from config.loading import SECRET_NAMES


def test_no_secret_and_nothing_of_systemds_line_is_passed_on_in_any_spelling() -> None:
    given = dict.fromkeys(NOT_PASSED_ON, "x") | {"testio_customer_api_token": "x"}
    assert passed_on({**given, "PATH": "/bin", "TESTIO_DB_PATH": "a.db"}) == {
        "PATH": "/bin",
        "TESTIO_DB_PATH": "a.db",
    }


def test_every_setting_that_is_a_secret_is_among_them() -> None:
    assert set(NOT_PASSED_ON) >= SECRET_NAMES


def test_what_is_forgotten_is_in_no_process_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTIO_CUSTOMER_API_TOKEN", "x")
    monkeypatch.setenv("Testio_Proxy_Url", "x")
    monkeypatch.setenv("LOG_LEVEL", "DEBUG")
    forget()
    assert os.environ.keys().isdisjoint({"TESTIO_CUSTOMER_API_TOKEN", "Testio_Proxy_Url"})
    assert os.environ["LOG_LEVEL"] == "DEBUG"
