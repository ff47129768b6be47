"""What is told and when, over a real database; channels and memories that misbehave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from rules.diagnosis.notice import Notice, Sender
from rules.diagnosis.notifying import Event, RunEnd
from rules.model import ErrorKind, Problem, RunRequest, RunStatus, SyncResult, Trigger
from rules.run.events import RunClosed
from service.monitoring.messenger import Messenger, NotDelivered
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.settings.notice_rows import NoticeRows
from tests.conftest import wait_until
from tests.webhooks import web as web

SENDER = Sender(host="h", database="/d/testio.db", pid=1, version="0")


@dataclass
class Channel:
    """Keeps what it is given; `before` may raise or wait."""

    name: str = "fake"
    sent: list[Notice] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    closed: threading.Event = field(default_factory=threading.Event)

    def send(self, notice: Notice) -> None:
        self.before()
        self.sent.append(notice)

    def close(self) -> None:
        self.closed.set()

    def events(self) -> list[str]:
        return [notice.event.value for notice in self.sent]


@dataclass
class Memory:
    """A row of `settings`."""

    text: str | None = None
    broken: bool = False

    def recorded(self, channel: str) -> str | None:
        self._check()
        return self.text

    def note(self, channel: str, told: str | None) -> None:
        self._check()
        self.text = told

    def _check(self) -> None:
        if self.broken:
            raise StorageError("the disk is full")


def end_of(status: RunStatus, product_id: int = 18, run_id: int = 1) -> RunClosed:
    problem = Problem(kind=ErrorKind.TIMEOUT, message="late", product_id=product_id)
    return RunClosed(
        at=datetime.now(UTC),
        request=RunRequest(trigger=Trigger.SCHEDULE),
        result=SyncResult(
            run_id=run_id,
            status=status,
            trigger_source=Trigger.SCHEDULE,
            errors=() if status is RunStatus.SUCCESS else (problem,),
        ),
    )


Make = Callable[..., Messenger]


def told_before() -> str:
    """The memory of a channel that has told of a partial run."""
    memory, channel = Memory(), Channel()
    messenger = Messenger(channel, memory, SENDER, repeat_seconds=3600.0)
    messenger.start()
    messenger.ended(end_of(RunStatus.PARTIAL))
    messenger.stop(5.0)
    assert memory.text is not None
    return memory.text


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Messenger] = []

    def start(
        channel: Channel, memory: Memory | NoticeRows | None = None, **more: Any
    ) -> Messenger:
        messenger = Messenger(
            channel,
            memory or Memory(),
            SENDER,
            repeat_seconds=more.pop("repeat_seconds", 3600.0),
            pauses=more.pop("pauses", (0.01, 0.01)),
            **more,
        )
        messenger.start()
        made.append(messenger)
        return messenger

    yield start
    for messenger in made:
        messenger.stop(1.0)


def test_a_restart_neither_repeats_what_was_told_nor_forgets_the_recovery(
    make: Make, database: Database
) -> None:
    rows, before, after, last = NoticeRows(database), Channel(), Channel(), Channel()
    first = make(before, rows)
    first.ended(end_of(RunStatus.PARTIAL))
    first.stop(5.0)
    assert before.events() == ["run_partial"]
    second = make(after, rows)
    second.ended(end_of(RunStatus.PARTIAL))
    second.ended(end_of(RunStatus.SUCCESS))
    second.stop(5.0)
    assert after.events() == ["recovered"]
    assert after.sent[0].kept_back == 1
    third = make(last, rows)
    third.ended(end_of(RunStatus.SUCCESS))
    third.stop(5.0)
    assert last.sent == []
    assert rows.recorded("fake") is None


def test_a_hook_that_hangs_delays_nobody_and_the_queue_is_bounded(make: Make) -> None:
    reached, channel = threading.Event(), Channel()

    def hang() -> None:
        reached.set()
        channel.closed.wait(10)
        raise NotDelivered("cut")

    channel.before = hang
    messenger = make(channel)
    messenger.ended(end_of(RunStatus.FAILED))
    assert reached.wait(5)
    began = time.monotonic()
    for number in range(10_000):
        messenger.ended(end_of(RunStatus.FAILED, product_id=number + 1))
    assert time.monotonic() - began < 5
    assert len(messenger._waiting) <= 100
    began = time.monotonic()
    messenger.stop(0.2)
    assert time.monotonic() - began < 2
    assert channel.closed.is_set()


def test_what_nobody_took_is_decided_anew_with_the_next_end(make: Make) -> None:
    tries, counted = [], []

    def fail_four_times() -> None:
        tries.append(1)
        if len(tries) <= 4:
            raise NotDelivered("no")

    channel = Channel(before=fail_four_times)
    messenger = make(channel, count=lambda _channel, result: counted.append(result))
    messenger.ended(end_of(RunStatus.FAILED, run_id=1))
    wait_until(lambda: counted == ["failed"], what="giving up on the first one")
    assert len(tries) == 3, "a bounded number of times"
    messenger.ended(end_of(RunStatus.FAILED, run_id=2))
    wait_until(lambda: counted == ["failed", "delivered"], what="the second one")
    assert [notice.run_id for notice in channel.sent] == [2]
    messenger.ended(end_of(RunStatus.FAILED, run_id=3))
    wait_until(lambda: counted[2:] == ["kept_back"], what="keeping the third one back")


def test_a_memory_that_cannot_be_used_stops_nothing(make: Make) -> None:
    channel = Channel()
    messenger = make(channel, Memory(broken=True))
    for status in (RunStatus.FAILED, RunStatus.FAILED, RunStatus.SUCCESS):
        messenger.ended(end_of(status))
    wait_until(lambda: channel.events() == ["run_failed", "recovered"], what="both")


def test_giving_up_is_told_before_the_end(make: Make) -> None:
    channel = Channel()
    messenger = make(channel)
    now = RunEnd(at=datetime.now(UTC), status=None, trouble=Event.GAVE_UP)
    messenger.trouble(now, "too many restarts")
    messenger.stop(5.0)
    assert channel.events() == ["gave_up"]
    assert "too many restarts" in channel.sent[0].text


# -- the command ---------------------------------------------------------------------------------


def test_a_memory_that_cannot_be_read_at_the_start_is_read_later(make: Make) -> None:
    channel, memory = Channel(), Memory(text=told_before(), broken=True)
    messenger = make(channel, memory)
    messenger.ended(end_of(RunStatus.CANCELLED))
    messenger.ended(end_of(RunStatus.CANCELLED))
    memory.broken = False
    messenger.ended(end_of(RunStatus.SUCCESS))
    messenger.stop(5.0)
    assert channel.events() == ["recovered"]
    assert memory.text is None


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (Event.CANNOT_WRITE, "cannot write to its database: the disk is full"),
        (Event.RUN_INTERRUPTED, "a run was killed before its end"),
        (Event.GAVE_UP, "the daemon gives up: the disk is full"),
    ],
)
def test_trouble_beside_the_end_of_a_run_is_told_and_its_end_as_well(
    make: Make, event: Event, words: str
) -> None:
    channel = Channel()
    messenger = make(channel, Memory())
    for _ in range(2):
        now = RunEnd(at=datetime.now(UTC), status=None, trouble=event)
        messenger.trouble(now, "the disk is full")
    messenger.ended(end_of(RunStatus.SUCCESS))
    messenger.stop(5.0)
    assert channel.events() == [event.value, "recovered"]
    assert words in channel.sent[0].text
    assert "What to do:" in channel.sent[0].text
