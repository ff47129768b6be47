"""Reads the bugs of several tests in as few requests as it takes.

Those of 15 tests come in one answer. Where that fails, is too slow, or does not tell whose each
bug is, fewer are asked for, in the end one test's: so one sick test costs no other.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain

from rules.mirror.fetching import BUGS_AT_ONCE, fewer_at_once, portions
from rules.records import BugRecord
from testio.client import TestioClient
from testio.errors import (
    Cancelled,
    ConnectionFailed,
    RateLimited,
    TestioError,
    Timeout,
    Unauthorized,
)
from testio.limits import RequestScope
from testio.payloads import Rows

HOPELESS = (Unauthorized, RateLimited, ConnectionFailed, Cancelled)
"""What another request would meet as well."""

MOST_FAILURES = 4
"""Single tests in a row that fail before anything has come: then it is the remote that fails."""


class Pace:
    """Of how many tests to ask for the bugs at once, as one call has learned it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.most = BUGS_AT_ONCE[0]

    def too_many(self, number: int) -> None:
        """From now on ask for fewer than so many."""
        with self._lock:
            self.most = min(self.most, fewer_at_once(number))


@dataclass(frozen=True, slots=True)
class BugsOfTest:
    """All bugs of one test, as of the moment before they were asked for."""

    rows: Rows[BugRecord]
    as_of: datetime


@dataclass(frozen=True, slots=True)
class BugsReader:
    """Asks within one scope of requests; `pace` is shared by those who work for one call."""

    client: TestioClient
    scope: RequestScope
    pace: Pace

    def read(self, test_ids: Sequence[int]) -> Iterator[tuple[int, BugsOfTest | TestioError]]:
        """The bugs of each test, or why they could not be read, in no certain order."""
        waiting = deque(portions(test_ids, self.pace.most))
        failures, answered = 0, False
        while waiting:
            ids, as_of = waiting.popleft(), datetime.now(UTC)
            try:
                found = self.client.list_bugs(ids, self.scope)
            except TestioError as error:
                failures += len(ids) == 1
                if isinstance(error, HOPELESS) or (not answered and failures == MOST_FAILURES):
                    yield from ((key, error) for key in chain(ids, *waiting))
                    return
                if len(ids) == 1:
                    yield ids[0], error
                else:
                    waiting.extend(self._smaller(ids, is_slow=isinstance(error, Timeout)))
                continue
            answered = True
            if found is None:
                waiting.extend(portions(ids, 1))
            else:
                yield from ((key, BugsOfTest(rows, as_of)) for key, rows in found.items())

    def _smaller(self, ids: Sequence[int], *, is_slow: bool) -> list[list[int]]:
        if is_slow:
            self.pace.too_many(len(ids))
        return portions(ids, fewer_at_once(len(ids)))
