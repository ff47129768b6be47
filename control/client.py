"""The other end of the control socket, for the CLI and for programs in Python.

The standard library's HTTP client is enough for one host that is a file, and it loads fast.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from control.endpoints import BY_NAME
from control.errors import BY_STATUS, ControlError, NoDaemon, OtherDaemon, SilentDaemon
from control.paths import is_trusted_peer, is_trustworthy
from control.protocol import (
    DATABASE_HEADER,
    ChoiceReply,
    ConcurrencyBody,
    DecisionReply,
    EventsReply,
    FetchBody,
    FetchReply,
    IntervalBody,
    PauseBody,
    RateBody,
    ReloadReply,
    RetryBody,
    RetryReply,
    RunView,
    StartRunBody,
    StartRunReply,
    WordReply,
)
from control.views import HealthReply, StatusReply

R = TypeVar("R", bound=BaseModel)

OF_ANOTHER_VERSION = (
    "answers in words of another version of this program; start it again with this one"
)
OWN_SOCKET = "each database needs a TESTIO_SOCKET_PATH of its own, or none"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("testio-sync", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
        if not is_trusted_peer(self.sock, self._path):
            raise ConnectionRefusedError("somebody else listens there")


class ControlClient:
    """Talks to the daemon behind one socket; each call makes a connection of its own.

    Every method raises NoDaemon or ControlError.
    """

    def __init__(
        self,
        path: Path,
        *,
        timeout: float = 5.0,
        nobody: str | None = None,
        database: str | None = None,
    ) -> None:
        """`nobody`: what to say where none answers, if more is known than that.

        `database`: whose daemon is meant, as `control.protocol` has it; None: whichever answers.
        """
        self.path = path
        self._headers = {"Content-Type": "application/json"}
        if database is not None:
            self._headers[DATABASE_HEADER] = database
        self._timeout = timeout
        self._nobody = nobody or f"no daemon answers on {path}; start one with `testio-sync run`"

    def status(self) -> StatusReply:
        """What the daemon is doing."""
        return self._ask("status", StatusReply)

    def health(self) -> HealthReply:
        """Whether all is well; a daemon that is not says why."""
        return self._ask("health", HealthReply)

    def start_run(self, body: StartRunBody) -> StartRunReply:
        """Ask for a run."""
        return self._ask("start_run", StartRunReply, body)

    def run(self, run_id: int, *, wait_seconds: int = 0) -> RunView:
        """One run, after waiting at most so long for its end."""
        return self._ask("run", RunView, place=run_id, wait=wait_seconds)

    def cancel(self) -> WordReply:
        """End the run at work."""
        return self._ask("cancel", WordReply)

    def cancel_product(self, product_id: int) -> WordReply:
        """Leave a product out of the run at work."""
        return self._ask("cancel_product", WordReply, place=product_id)

    def events(self, *, since: int, wait_seconds: int = 0) -> EventsReply:
        """The events after an id, waiting at most so long for one."""
        return self._ask("events", EventsReply, since=since, wait=wait_seconds)

    def fetch(self, body: FetchBody) -> FetchReply:
        """Fetch what is not known well enough, for a bounded time; ask again for what is pending.

        Raises TryAgain while the daemon is busy with other fetches.
        """
        return self._ask("fetch", FetchReply, body)

    def pause(self, seconds: float | None = None) -> WordReply:
        """No more periodic runs for so long, or until resumed."""
        return self._ask("pause", WordReply, PauseBody(seconds=seconds))

    def resume(self) -> WordReply:
        """Periodic runs again."""
        return self._ask("resume", WordReply)

    def set_interval(self, seconds: float | None) -> ChoiceReply:
        """Periodic runs every so many seconds, 0 for none; None: as configured."""
        return self._ask("interval", ChoiceReply, IntervalBody(seconds=seconds))

    def set_concurrency(self, requests: int | None) -> ChoiceReply:
        """So many requests under way at once; None: as configured."""
        return self._ask("concurrency", ChoiceReply, ConcurrencyBody(requests=requests))

    def set_rate(self, per_second: int | None) -> ChoiceReply:
        """So many requests a second, 0 for no limit; None: as configured."""
        return self._ask("rate", ChoiceReply, RateBody(per_second=per_second))

    def reload(self) -> ReloadReply:
        """Have settings and token read again; raises Refused where they are bad."""
        return self._ask("reload", ReloadReply)

    def accept_deletions(self, held_id: int) -> DecisionReply:
        """Mark the rows of a held set as deleted."""
        return self._ask("accept_deletions", DecisionReply, place=held_id)

    def retry_problems(self, ids: list[int] | None) -> RetryReply:
        """Try open problems again now; None means all of them."""
        return self._ask("retry_problems", RetryReply, RetryBody(ids=ids))

    def clear_problem(self, entry_id: int) -> DecisionReply:
        """Close an entry of the quarantine."""
        return self._ask("clear_problem", DecisionReply, place=entry_id)

    def drain(self) -> WordReply:
        """Stop the daemon; a run at work is cancelled."""
        return self._ask("drain", WordReply)

    def _ask(
        self,
        name: str,
        reply: type[R],
        body: BaseModel | None = None,
        *,
        place: int | None = None,
        **query: int,
    ) -> R:
        """Make the request that is declared under this name; what it says is a `reply`."""
        endpoint = BY_NAME[name]
        payload = None if body is None else body.model_dump_json(exclude_unset=True)
        with self._connected(endpoint.seconds + query.get("wait", 0)) as connection:
            target = endpoint.target(place, **query)
            connection.request(endpoint.method, target, body=payload, headers=self._headers)
            response = connection.getresponse()
            answer, status = response.read(), response.status
        if status == 503 and endpoint.unwell and (found := _reply(answer, reply)) is not None:
            return found
        if status == 421:
            raise OtherDaemon(f"{_error_of(answer, status)} ({self.path}); {OWN_SOCKET}")
        if status >= 400:
            raise BY_STATUS.get(status, ControlError)(_error_of(answer, status))
        if (found := _reply(answer, reply)) is None:
            raise ControlError(f"the daemon behind {self.path} {OF_ANOTHER_VERSION}")
        return found

    @contextmanager
    def _connected(self, wait: int) -> Iterator[_UnixConnection]:
        if not is_trustworthy(self.path):
            raise NoDaemon(self._nobody)
        connection = _UnixConnection(self.path, self._timeout + wait)
        try:
            yield connection
        except TimeoutError as error:
            raise SilentDaemon(
                f"the daemon behind {self.path} does not answer; `testio-sync status` names its pid"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise NoDaemon(self._nobody) from error
        finally:
            connection.close()


def _reply(answer: bytes, reply: type[R]) -> R | None:
    """The reply, unless the daemon could not give one."""
    try:
        return reply.model_validate_json(answer)
    except ValidationError:
        return None


def _error_of(answer: bytes, status: int) -> str:
    try:
        content: Any = json.loads(answer)
        return str(content["error"])
    except (ValueError, KeyError, TypeError):
        return f"the daemon answered with status {status}"
