"""7: the remote asks everybody to wait, in every form that there is."""

from __future__ import annotations

import time
from email.utils import formatdate, parsedate_to_datetime

from control.protocol import StartRunBody
from simulator.world import LoggedRequest
from tests.faults.inside import SHORT_PAUSES
from tests.faults.programme import fault
from tests.faults.trial import Trial

LONGEST = 300.0
"""The longest `Retry-After` that is honoured."""
ON_THEIR_WAY = 0.5
"""Seconds in which requests may still arrive that were sent before the answer was read."""
AT_ONCE = 5.0


@fault(7, "429 and 503 with Retry-After", seconds=300, latency_seconds=0.01)
def parked(trial: Trial) -> None:
    trial.daemon(inside=SHORT_PAUSES)
    statuses = trial.dice.sample((429, 503), 2)
    for status, header in zip(statuses * 2, _headers(trial), strict=False):
        _nobody_sends_before(trial, status, header)
    _garbage_parks_nobody(trial, statuses[0])
    _parked_for_as_long_as_possible(trial, statuses[1])


def _headers(trial: Trial) -> tuple[str, ...]:
    if not trial.is_long:
        return ("1",)
    date = formatdate(time.time() + 3, usegmt=True)
    return (date, "1", "120") if trial.number % 10 == 0 else (date, "1")


def _nobody_sends_before(trial: Trial, status: int, header: str) -> None:
    """Not on any connection, from the answer to the time that it names."""
    trial.simulator.forget_requests()
    path = trial.dice.choice(("/products", "*/features", "*/exploratory_tests"))
    with trial.hit(kind="status", status=status, retry_after=header, path=path, times=1):
        run = trial.run(force=True, seconds=200)
    assert run.status == "success", run
    lines = trial.simulator.requests()
    asked = next(line for line in lines if line.status == status)
    opens_at = _opens_at(asked, header)
    early = [line for line in lines if asked.at + ON_THEIR_WAY < line.at < opens_at - 0.05]
    assert not early, f"{len(early)} requests before {opens_at}: {early[:3]}"
    assert any(line.at >= opens_at - 0.05 for line in lines)
    what = "a date" if " " in header else header
    trial.saw(f"{status} with {what}: nobody sent before")


def _opens_at(asked: LoggedRequest, header: str) -> float:
    if header.isdigit():
        return asked.at + float(header)
    return parsedate_to_datetime(header).timestamp()


def _garbage_parks_nobody(trial: Trial, status: int) -> None:
    """What cannot be understood is no time: the ordinary pauses hold."""
    header = trial.dice.choice(("soon", "-5", "Fri, 13 Foo 2026", "1e9", "", "0x10"))
    with trial.hit(kind="status", status=status, retry_after=header, path="/products", times=1):
        run = trial.run()
    assert run.status == "success", run
    assert trial.control.status().remote.parked_seconds == 0
    trial.saw("garbage: the ordinary pauses")


def _parked_for_as_long_as_possible(trial: Trial, status: int) -> None:
    """10⁹ seconds count as five minutes; cancel and stop do not wait for their end."""
    with trial.hit(kind="status", status=status, retry_after="1000000000", times=1):
        run_id = trial.control.start_run(StartRunBody(force=True)).run_id
        assert run_id is not None
        trial.wait_for(
            lambda: trial.control.status().remote.parked_seconds > 0, "the wait of five minutes"
        )
        left = trial.control.status().remote.parked_seconds
        assert LONGEST - 60 < left <= LONGEST, left
        began = time.monotonic()
        if trial.dice.random() < 0.5:
            trial.control.cancel()
            assert trial.ended(run_id).status == "cancelled"
            trial.saw("10⁹: 300 s; cancelled at once")
        trial.stop()
        took = time.monotonic() - began
    assert took < AT_ONCE, f"to cancel and stop took {took:.1f} s"
    trial.saw("10⁹: 300 s; stopped at once")
