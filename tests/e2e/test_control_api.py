"""The control API is what its OpenAPI file says: held against the code, and fuzzed on a daemon."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CHECKS

from control.endpoints import ENDPOINTS
from control.openapi import curl_examples, document
from control.paths import socket_path
from simulator import Simulator, SimulatorOptions
from tests.homes import Home, end_all
from tests.unix_http import unix_session

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docs" / "openapi.json"
EXAMPLES = 12

schema = schemathesis.openapi.from_path(str(FILE))
SAID_ELSEWHERE: list[Any] = CHECKS.get_by_names(["positive_data_acceptance"])
"""Which ids go with which kind, and which options with which, a schema cannot say."""
UNWELL: list[Any] = CHECKS.get_by_names(["not_a_server_error"])
"""Health answers 503 where something is wrong, as it may be here."""
REFUSED_BY_SIZE: list[Any] = CHECKS.get_by_names(["negative_data_rejection"])
"""What is wrong and too large as well is refused for its size, which this check does not expect."""


def test_the_file_is_the_one_that_the_code_makes() -> None:
    expected = json.loads(json.dumps(document()))
    assert json.loads(FILE.read_text()) == expected, (
        "make it again: python -m control.openapi > docs/openapi.json"
    )


def test_the_page_names_every_request() -> None:
    page = (ROOT / "docs" / "control-api.md").read_text()
    for endpoint in ENDPOINTS:
        path = endpoint.path.replace("{entry_id}", "{id}").replace("{run_id}", "{id}")
        assert path.replace("{product_id}", "{id}") in page, f"{endpoint.path} is not explained"


def test_the_page_shows_every_request_for_a_shell() -> None:
    page = (ROOT / "docs" / "control-api.md").read_text()
    assert curl_examples() in page, "make the lines again: python -m control.openapi curl"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[requests.Session]:
    """A session with a daemon of its own on a small account."""
    folder = tmp_path_factory.mktemp("fuzzed")
    with Simulator(SimulatorOptions(products=2, features=2, tests=3)) as simulator:
        home = Home(folder=folder, simulator=simulator)
        home.settings["TESTIO_REFRESH_INTERVAL_SECONDS"] = "0"
        daemon = home.daemon()
        home.wait_for_run(1)
        with unix_session(socket_path(home.database)) as made:
            yield made
        assert daemon.poll() is None, f"the daemon died:\n{daemon.communicate()[1]}"
        end_all(home)


@pytest.mark.timeout(180)
@schema.exclude(operation_id="drain").parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_answer_is_one_of_those_that_are_announced(
    case: schemathesis.Case[Any], session: requests.Session
) -> None:
    if str((case.query or {}).get("wait")).isdigit():
        case.query["wait"] = "0"  # what waiting does is tested elsewhere, and takes its time
    began = time.monotonic()
    response = case.call(base_url="http://sync", session=session, timeout=30)
    excluded = [*SAID_ELSEWHERE, *(UNWELL if case.path == "/v1/health" else [])]
    if response.status_code == 413:
        excluded += REFUSED_BY_SIZE
    case.validate_response(response, excluded_checks=excluded)
    assert time.monotonic() - began < 25, "an answer takes 20 seconds at most"
