"""Lines of the log: which are wanted, and how they look."""

from __future__ import annotations

import json

import pytest

from cli.logtail.log_lines import LogFilter, as_json, pretty

FAILED = json.dumps(
    {
        "at": "2026-01-31T08:15:00.123456Z",
        "level": "warning",
        "event": "product_failed",
        "run_id": 7,
        "phase": "features",
        "product_id": 18,
        "error": "no \u001b[31mred",
        "problems": ["a", "b"],
        "logger": "sync",
        "exception": "Traceback\n  boom \u0007",
    }
)


@pytest.mark.parametrize(
    ("wanted", "line", "is_wanted"),
    [
        (LogFilter(), "anything", True),
        (LogFilter(level="warning"), FAILED, True),
        (LogFilter(level="error"), FAILED, False),
        (LogFilter(level="error"), '{"level": "critical"}', True),
        (LogFilter(level="error"), '{"level": "odd"}', True),
        (LogFilter(level="error"), '{"event": "no level"}', True),
        (LogFilter(level="error"), "Segmentation fault", True),
        (LogFilter(run_id=7), FAILED, True),
        (LogFilter(run_id=8), FAILED, False),
        (LogFilter(run_id=7, product_id=18, level="info"), FAILED, True),
        (LogFilter(product_id=19), FAILED, False),
        (LogFilter(run_id=7), "Segmentation fault", False),
        (LogFilter(run_id=7), "[1, 2]", False),
        (LogFilter(run_id=7), "{broken", False),
    ],
)
def test_which_lines_are_wanted(wanted: LogFilter, line: str, is_wanted: bool) -> None:
    assert wanted(line) is is_wanted


def test_a_line_for_people() -> None:
    assert pretty(FAILED).plain == (
        "2026-01-31 08:15:00.123  warning product_failed  run 7 features product 18"
        '  error=no \\x1b[31mred  problems=["a", "b"]'
        "\n    Traceback\n      boom \\x07"
    )


def test_other_text_stays_as_it_is_but_harmless() -> None:
    assert pretty("Segmentation fault\x1b[2J").plain == "Segmentation fault\\x1b[2J"
    assert pretty('{"event": 5}').plain.split() == ["5"]


def test_json_of_every_line() -> None:
    assert as_json(FAILED) == FAILED
    assert json.loads(as_json('so he "said"')) == {"event": 'so he "said"'}
