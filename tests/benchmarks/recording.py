"""Events through the Logger, in a process of its own: `python -m tests.benchmarks.recording`.

The queue, the Logger actor, the log of the sync and the database are those of the daemon. The
clock runs from the first event until the end of the run is on disk, which is told only then; the
end is synced to the disk, and with it everything before. Several threads record, as actors do.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sqlite3
import sys
import threading
import time
from contextlib import closing, redirect_stderr
from datetime import UTC, datetime
from pathlib import Path

from actors.base import Address
from actors.event_queue import EventQueue, RunResults
from actors.logger import Logger
from config.logs import configure_logs
from rules.model import Counts, Outcome, RunRequest, RunStatus, SyncPhase, SyncResult, Trigger
from rules.run.events import EventName, RunClosed, RunOpened, SyncEvent
from storage.engine.database import Database
from storage.engine.migrate import migrate
from storage.writes.sync_log import SyncLog

RECORDERS = 4
RUN = 1
LONGEST = 120.0


def main() -> int:
    """Record, wait for the disk, and print the events a second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--events", type=int, required=True)
    parser.add_argument("--level", required=True)
    given = parser.parse_args()
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stderr(nowhere):
        configure_logs(level=given.level, log_format="json")
        seconds = _record_all(given.folder / "events.db", given.events)
    assert _in_order(given.folder / "events.db", given.events), "events are lost or out of order"
    print(json.dumps({"per_second": given.events / seconds}))
    return 0


def _record_all(path: Path, events: int) -> float:
    """Seconds until all is on disk, with parts as they are in the daemon."""
    database = Database(path)
    migrate(database)
    logger, coordinator = Address("logger"), Address("coordinator")
    event_queue, results = EventQueue(logger), RunResults()
    ref = Logger.start(
        supervisor=Address("supervisor"),
        coordinator=coordinator,
        event_queue=event_queue,
        results=results,
        store=SyncLog(database),
    )
    logger.bind(ref)
    seconds = _record(event_queue, results, events)
    ref.stop()
    database.close()
    return seconds


def _record(event_queue: EventQueue, results: RunResults, events: int) -> float:
    request = RunRequest(trigger=Trigger.API)
    each = events // RECORDERS
    began = time.perf_counter()
    event_queue.record(RunOpened(run_id=RUN, at=datetime.now(UTC), request=request))
    threads = [
        threading.Thread(target=_record_some, args=(event_queue, number, each))
        for number in range(RECORDERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    now = datetime.now(UTC)
    result = SyncResult(run_id=RUN, status=RunStatus.SUCCESS, trigger_source=request.trigger)
    event_queue.record(RunClosed(at=now, request=request, result=result))
    if results.wait(RUN, timeout=LONGEST) is None:
        sys.exit(f"the run's end was not on disk within {LONGEST:g} s")
    return time.perf_counter() - began


def _record_some(event_queue: EventQueue, recorder: int, count: int) -> None:
    for number in range(count):
        event_queue.record(
            SyncEvent(
                at=datetime.now(UTC),
                event=EventName.PRODUCT_SYNCED,
                run_id=RUN,
                phase=SyncPhase.NEW_TESTS,
                product_id=recorder * 1_000_000 + number + 1,
                outcome=Outcome.COMPLETE,
                duration_seconds=0.25,
                counts=Counts(new=number % 7, changed=2, unchanged=number),
            )
        )


def _in_order(path: Path, events: int) -> bool:
    """All are there, and those of each recorder in the order in which it recorded them."""
    query = "SELECT product_id FROM sync_events WHERE event = 'product_synced' ORDER BY id"
    with closing(sqlite3.connect(path)) as connection:
        ids = [row[0] for row in connection.execute(query)]
    of_each = itertools.groupby(sorted(ids, key=lambda n: n // 1_000_000), lambda n: n // 1_000_000)
    return len(ids) == events and all(
        [n % 1_000_000 for n in found] == list(range(1, events // RECORDERS + 1))
        for _, found in of_each
    )


if __name__ == "__main__":
    sys.exit(main())
