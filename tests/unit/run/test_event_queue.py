"""The queue of events wakes the Logger once for a batch, and never too seldom."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from actors.base import Address
from actors.event_queue import EventQueue
from actors.messages import Flush
from config.secrets import REDACTOR
from rules.model import ErrorKind, Problem, RunRequest, RunStatus, SyncResult, Trigger
from rules.run.events import EventName, RunClosed, SyncEvent


class Logger(Address):
    """Somebody who only counts how often they are woken."""

    def __init__(self) -> None:
        super().__init__("logger")
        self.is_there = True
        self.flushes = 0

    def tell(self, message: object) -> str | None:
        if not self.is_there:
            return None
        assert isinstance(message, Flush)
        self.flushes += 1
        return "urn"


@pytest.fixture
def logger() -> Logger:
    return Logger()


def event() -> SyncEvent:
    return SyncEvent(at=datetime(2026, 1, 31, tzinfo=UTC), event=EventName.PAUSED)


def test_one_flush_is_enough_until_the_logger_looks(logger: Logger) -> None:
    event_queue = EventQueue(logger)
    for _ in range(5):
        event_queue.record(event())
    assert logger.flushes == 1
    assert len(event_queue.first(10)) == 5
    event_queue.record(event())  # while the five are being written
    assert logger.flushes == 2


def test_who_was_not_there_is_woken_by_the_next_entry(logger: Logger) -> None:
    event_queue = EventQueue(logger)
    logger.is_there = False
    event_queue.record(event())
    logger.is_there = True
    event_queue.record(event())
    assert logger.flushes == 1
    assert len(event_queue.first(10)) == 2


def test_a_database_that_cannot_be_written_is_tried_again_at_the_next_entry(logger: Logger) -> None:
    event_queue = EventQueue(logger)
    event_queue.record(event())
    event_queue.first(10)
    event_queue.not_written("the disk is full")
    event_queue.record(event())
    assert logger.flushes == 2
    assert len(event_queue) == 2


def test_a_secret_in_an_error_is_masked_before_anybody_has_it(logger: Logger) -> None:
    REDACTOR.add("s3cr3t-of-the-journal")
    problem = Problem(kind=ErrorKind.CRASHED, message="bad header 'Token s3cr3t-of-the-journal'")
    result = SyncResult(
        run_id=1, status=RunStatus.FAILED, trigger_source=Trigger.API, errors=(problem,)
    )
    at, event_queue = datetime(2026, 1, 31, tzinfo=UTC), EventQueue(logger)
    event_queue.record(SyncEvent(at=at, event=EventName.ACTOR_CRASHED, problem=problem))
    request = RunRequest(trigger=Trigger.API)
    event_queue.record(RunClosed(at=at, request=request, result=result))
    said = repr(event_queue.first(10))
    assert "bad header" in said
    assert "s3cr3t" not in said
