"""Lines of the log: one cause once a run, nothing of what is as it was, names beside ids."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from actors.event_log import EventLog
from rules.model import (
    Counts,
    ErrorKind,
    Outcome,
    Problem,
    RunRequest,
    RunStatus,
    SyncPhase,
    SyncResult,
    Trigger,
)
from rules.run.events import EventName, RunClosed, RunOpened, SyncEvent
from tests.log_lines import flaws_of

AT = datetime(2026, 1, 31, tzinfo=UTC)
NAMES = {4: "Website"}


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture) -> Iterator[list[Any]]:
    with caplog.at_level(logging.DEBUG, logger="sync"), capture_logs() as lines:
        yield lines


def product(
    product_id: int,
    outcome: Outcome = Outcome.COMPLETE,
    kind: ErrorKind | None = None,
    *,
    run_id: int = 1,
    counts: Counts | None = None,
) -> SyncEvent:
    failed = outcome is Outcome.FAILED
    return SyncEvent(
        at=AT,
        event=EventName.PRODUCT_FAILED if failed else EventName.PRODUCT_SYNCED,
        run_id=run_id,
        phase=SyncPhase.FEATURES,
        product_id=product_id,
        outcome=outcome,
        duration_seconds=0.5,
        counts=counts,
        problem=None if kind is None else Problem(kind=kind, message="so it was"),
    )


def closed(status: RunStatus, *problems: Problem) -> RunClosed:
    result = SyncResult(run_id=1, status=status, trigger_source=Trigger.CLI, errors=problems)
    return RunClosed(at=AT, request=RunRequest(trigger=Trigger.CLI), result=result)


def levels(lines: list[Any]) -> list[tuple[str, str]]:
    return [(line["log_level"], line["event"]) for line in lines]


def test_a_cause_is_a_warning_once_a_run_however_many_products_fail(shown: list[Any]) -> None:
    log = EventLog(NAMES.get)
    for number in (4, 5, 6):
        log.show(product(number, Outcome.FAILED, ErrorKind.TIMEOUT))
    log.show(product(7, Outcome.PARTIAL, ErrorKind.HOLES))
    log.show(product(4, Outcome.FAILED, ErrorKind.TIMEOUT, run_id=2))
    assert [level for level, _ in levels(shown)] == [
        *("warning", "debug", "debug"),
        "warning",
        "warning",
    ]


def test_a_product_with_nothing_new_is_debug(shown: list[Any]) -> None:
    log = EventLog()
    log.show(product(4, counts=Counts(unchanged=9)))
    log.show(product(5, counts=Counts(new=1)))
    log.show(product(6, counts=Counts(gone=1)))
    log.show(product(7))
    assert [level for level, _ in levels(shown)] == ["debug", "info", "info", "debug"]


def test_names_stand_beside_ids_and_the_product_list_is_no_product(shown: list[Any]) -> None:
    log = EventLog(NAMES.get)
    for number in (4, 5, 0):
        log.show(product(number, counts=Counts(new=1)))
    assert [(line.get("product_id"), line.get("product_name")) for line in shown] == [
        (4, "Website"),
        (5, None),
        (None, None),
    ]


def test_a_refused_token_has_a_line_of_its_own_once_a_run(shown: list[Any]) -> None:
    log = EventLog()
    for number in (4, 5):
        log.show(product(number, Outcome.FAILED, ErrorKind.UNAUTHORIZED))
    assert levels(shown) == [
        ("error", "token_refused"),
        ("warning", "product_failed"),
        ("debug", "product_failed"),
    ]
    assert "valid token" in shown[0]["advice"]


@pytest.mark.parametrize(
    ("status", "level"),
    [
        (RunStatus.SUCCESS, "info"),
        (RunStatus.CANCELLED, "info"),
        (RunStatus.PARTIAL, "warning"),
        (RunStatus.FAILED, "error"),
    ],
)
def test_the_end_of_a_run_is_as_loud_as_it_is_bad(
    shown: list[Any], status: RunStatus, level: str
) -> None:
    EventLog().show(closed(status))
    assert levels(shown) == [(level, "run_finished")]


def test_alike_problems_of_a_run_are_one_line(shown: list[Any]) -> None:
    alike = [
        Problem(kind=ErrorKind.TIMEOUT, message="late", phase=SyncPhase.FEATURES, product_id=n)
        for n in range(1, 90)
    ]
    others = [Problem(kind=kind, message="x") for kind in ErrorKind]
    EventLog().show(closed(RunStatus.FAILED, *alike, *others))
    (line,) = shown
    assert line["problems"][0].endswith("and 88 more, features: timeout: late")
    assert (len(line["problems"]), line["problems"][-1]) == (6, "and more")


def test_every_line_is_as_it_was_declared(shown: list[Any]) -> None:
    log = EventLog(NAMES.get)
    request = RunRequest(trigger=Trigger.CLI)
    crashed = Problem(kind=ErrorKind.CRASHED, message="bug")
    log.show(RunOpened(run_id=1, at=AT, request=request))
    log.show(product(4, Outcome.FAILED, ErrorKind.UNAUTHORIZED))
    log.show(product(4, counts=Counts(new=1)))
    detail = {"role": "logger"}
    log.show(SyncEvent(at=AT, event=EventName.ACTOR_CRASHED, problem=crashed, detail=detail))
    log.show(closed(RunStatus.FAILED, crashed))
    assert len(shown) == 6
    for line in shown:
        told = {name: value for name, value in line.items() if name != "log_level"}
        assert flaws_of(told | {"level": line["log_level"]}) == []
