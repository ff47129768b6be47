"""What pip-audit says is read so that "not looked up" is never taken for "nothing known"."""

from __future__ import annotations

import json

import pytest

from tests.supply.audit import Status, verdict

WELL = {"name": "requests", "version": "2.34.2", "vulns": []}
UNKNOWN = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited"}
FLAW = {"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["3.2"]}
BAD = {"name": "werkzeug", "version": "3.1", "vulns": [FLAW]}


@pytest.mark.parametrize(
    ("packages", "status", "told"),
    [
        ([WELL], Status.NONE_KNOWN, "1 packages, no vulnerability known of any"),
        ([WELL, UNKNOWN], Status.NOT_CHECKED, "does not know 1 (rich) of 2 packages"),
        ([UNKNOWN], Status.NOT_CHECKED, "does not know any of 1 packages"),
        ([], Status.NOT_CHECKED, "does not know any of 0 packages"),
        ([WELL, BAD], Status.VULNERABLE, "werkzeug 3.1: PYSEC-2026-1, CVE-2026-1; mended in 3.2"),
        ([UNKNOWN, BAD], Status.VULNERABLE, "NOT CHECKED: the service does not know 1 (rich)"),
    ],
)
def test_an_answer(packages: list[object], status: Status, told: str) -> None:
    found = verdict("some.lock", json.dumps({"dependencies": packages}), "")
    assert found.status is status
    assert told in "\n".join(found.lines)


@pytest.mark.parametrize("stdout", ["", "Traceback", "[]", "{}", "null"])
def test_no_answer(stdout: str) -> None:
    found = verdict("some.lock", stdout, "Traceback\n\nConnectionError: no such host\n")
    assert found.status is Status.NOT_CHECKED
    (line,) = found.lines
    assert line.startswith("some.lock: NOT CHECKED")
    assert line.endswith("ConnectionError: no such host")
