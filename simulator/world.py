"""All that one simulator knows: account, faults, token, request log, and the time of day."""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import ceil

from simulator.account import Account
from simulator.fault_book import FaultBook
from simulator.faults import Fault
from simulator.http import Reply, Request
from simulator.options import SimulatorOptions
from simulator.rows import JsonObject

LOG_LENGTH = 20_000


class Token:
    """The one token that opens the account."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.revoked = False

    def opens(self, authorization: str) -> bool:
        """Whether this `Authorization` header is accepted."""
        return not self.revoked and authorization == f"Token {self.value}"

    def replace(self, value: str) -> None:
        """Accept this token, and no other, from now on."""
        self.value = value
        self.revoked = False

    def revoke(self) -> None:
        """Accept no token from now on."""
        self.revoked = True


class RateLimit:
    """Lets so many requests a second pass, up to one second's worth in a burst."""

    def __init__(self, per_second: float) -> None:
        self._per_second = per_second
        self._burst = max(per_second, 1.0)
        self._left = self._burst
        self._at = time.monotonic()

    def wait_seconds(self) -> int:
        """0 lets a request pass; otherwise whole seconds until one would."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0
        return max(1, ceil((1 - self._left) / self._per_second))


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One line of the request log."""

    at: float
    """Seconds since the epoch, when the request had arrived."""
    method: str
    path: str
    query: dict[str, list[str]]
    status: int | None
    """None when the client was sent no answer at all."""

    def as_json(self) -> JsonObject:
        """The line as the control endpoint shows it."""
        return asdict(self)


class RequestLog:
    """The newest requests to the API, oldest first, and the number of all."""

    def __init__(self) -> None:
        self._lines: deque[LoggedRequest] = deque(maxlen=LOG_LENGTH)
        self.served = 0

    def add(self, request: Request, reply: Reply) -> None:
        """Note a request and the answer chosen for it."""
        self.served += 1
        query = dict(request.query)
        status = reply.visible_status
        line = LoggedRequest(time.time(), request.method, request.path, query, status)
        self._lines.append(line)

    def lines(self) -> list[LoggedRequest]:
        """A copy of the log."""
        return list(self._lines)

    def forget(self) -> None:
        """Empty the log; the number of requests served stays."""
        self._lines.clear()


class World:
    """The state of one simulator; touched by its event loop only."""

    def __init__(self, options: SimulatorOptions, faults: Iterable[Fault] = ()) -> None:
        self.options = options
        self.account = Account(options)
        self.faults = FaultBook(faults)
        self.token = Token(options.token)
        self.log = RequestLog()
        self.rate_limit = RateLimit(options.rate_limit) if options.rate_limit else None

    def summary(self) -> JsonObject:
        """Counts and faults, for people and for programs that wait for something."""
        shelves = self.account.shelves.values()
        return {
            "products": len(shelves),
            "features": sum(len(shelf.features) for shelf in shelves),
            "tests": sum(len(shelf.tests) for shelf in shelves),
            "token_valid": not self.token.revoked,
            "faults": [fault.as_json() for fault in self.faults],
            "requests_served": self.log.served,
        }
