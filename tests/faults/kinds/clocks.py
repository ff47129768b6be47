"""6: the wall clock is set, or time passes without us."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta

from tests.faults.inside_time import SET_CLOCK, write_offset
from tests.faults.programme import fault
from tests.faults.trial import Process, Trial

DAY = 24 * 3600.0
INTERVAL = 1
LATE = timedelta(seconds=30)
"""However busy the machine is; what is off by a day is off by much more."""


@fault(6, "the clock a day back and forward, and a stop of three intervals", long=20, seconds=120)
def time_goes_wrong(trial: Trial) -> None:
    """Runs come at the interval all the time, and nothing calls itself younger than it is."""
    place = trial.home.folder / "offset"
    write_offset(place, 0.0)
    process = trial.daemon("--interval", str(INTERVAL), inside=f"{SET_CLOCK} {place}")
    moves = _moves(trial)
    for days in moves:
        write_offset(place, days * DAY)
        negative = trial.home.sql("SELECT * FROM freshness WHERE age_seconds < 0")
        assert negative == [], f"ages that are negative: {negative}"
        _runs_come_on_time(trial)
        _says_when_it_was(trial, timedelta(days=days))
    if trial.is_long or not moves:
        _stopped(trial, process)
        _runs_come_on_time(trial)
    trial.control.set_interval(0)
    trial.quiet()
    lasted = trial.home.sql("SELECT id, duration_seconds FROM sync_runs WHERE duration_seconds < 0")
    assert lasted == [], f"runs that lasted a negative time: {lasted}"
    trial.saw("one run an interval throughout, no time in the future, no negative age")


def _moves(trial: Trial) -> tuple[int, ...]:
    """Days that the clock is ahead, one after the other; the short form has this or the stop."""
    if not trial.is_long and trial.dice.random() < 0.5:
        return ()
    return trial.dice.choice(((-1, 1, 0), (1, 0), (1, -1, 0)) if trial.is_long else ((1, 0),))


def _runs_come_on_time(trial: Trial) -> None:
    """Two more, and not many more than there were intervals; the next one within an interval."""
    first, began = trial.last_run(), time.monotonic()
    trial.wait_for(lambda: trial.last_run() >= first + 2, "the next two runs")
    trial.ended(first + 2)
    intervals = (time.monotonic() - began) / INTERVAL
    runs = trial.last_run() - first
    assert runs <= intervals + 2, f"{runs} runs in {intervals:.1f} intervals"


def _says_when_it_was(trial: Trial, offset: timedelta) -> None:
    """All that was refreshed since says the time that this clock shows, the next run as well."""
    now = datetime.now(UTC) + offset
    next_run = trial.control.status().next_run_at
    assert next_run is not None
    assert abs(next_run - now) < LATE, f"the next run at {next_run}, when it is {now}"
    for product_id, kind, current, complete in trial.home.sql(
        "SELECT product_id, kind, current_as_of, complete_as_of FROM freshness"
    ):
        for text in (current, complete):
            told = datetime.fromisoformat(text)
            assert told < now + LATE, f"{kind} of {product_id} as of {told}, when it is {now}"
        assert datetime.fromisoformat(current) > now - LATE, f"{kind} of {product_id}: {current}"


def _stopped(trial: Trial, process: Process) -> None:
    """SIGSTOP, as a machine that sleeps, for three intervals."""
    assert trial.witness is not None
    with trial.witness.looking_away():
        process.signal(signal.SIGSTOP)
        time.sleep(3 * INTERVAL)
        process.signal(signal.SIGCONT)
        trial.wait_for(trial.home.answers, "an answer after the stop")
