"""What answers each request of the control API: routes, checks input, answers JSON."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound
from werkzeug.wrappers import Request, Response

from control.protocol import (
    DATABASE_HEADER,
    MAX_EVENTS,
    MAX_WAIT_SECONDS,
    ChoiceReply,
    ConcurrencyBody,
    DecisionReply,
    ErrorReply,
    EventsReply,
    FetchBody,
    FetchReply,
    IntervalBody,
    NoSuchEntry,
    PauseBody,
    RateBody,
    Refused,
    ReloadReply,
    RetryBody,
    RetryReply,
    RunView,
    StartRunBody,
    StartRunReply,
    WordReply,
)
from control.routes import BY_NAME, ROUTES
from control.views import HealthReply, StatusReply

T = TypeVar("T")
B = TypeVar("B", bound=BaseModel)

log = structlog.get_logger(__name__)

LONG_POLLS = 2
FETCHES = 2
"""Fetches answered at once; with the long polls they leave threads for `status` and `cancel`."""
LONGEST_NUMBER = 20
"""Digits; Python refuses to read thousands of them, and zeros in front could hide a large one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Which database a daemon serves: `device:inode` decides, the path is for people."""

    identity: str
    path: str


class NotAnswered(Exception):
    """The daemon could not answer in time; asking again may help."""


class Handlers(Protocol):
    """What the daemon does for each request; called from any of the server's threads.

    Every method may raise NotAnswered, those that name an entry NoSuchEntry, `reload` Refused.
    """

    def status(self) -> StatusReply: ...

    def health(self) -> HealthReply: ...

    def metrics(self, accept: str) -> tuple[bytes, str]: ...

    def start_run(self, body: StartRunBody) -> StartRunReply: ...

    def run(self, run_id: int, wait_seconds: float) -> RunView | None: ...

    def cancel(self) -> WordReply: ...

    def cancel_product(self, product_id: int) -> WordReply: ...

    def events(
        self, since: int | None, run_id: int | None, limit: int, wait_seconds: float
    ) -> EventsReply: ...

    def fetch(self, body: FetchBody) -> FetchReply: ...

    def pause(self, seconds: float | None) -> WordReply: ...

    def resume(self) -> WordReply: ...

    def set_interval(self, seconds: float | None) -> ChoiceReply: ...

    def set_concurrency(self, requests: int | None) -> ChoiceReply: ...

    def set_rate(self, per_second: int | None) -> ChoiceReply: ...

    def reload(self) -> ReloadReply: ...

    def accept_deletions(self, held_id: int) -> DecisionReply: ...

    def retry_problems(self, ids: list[int] | None) -> RetryReply: ...

    def clear_problem(self, entry_id: int) -> DecisionReply: ...

    def drain(self) -> WordReply: ...


class ControlApp:
    """The WSGI application: routes, checks input, answers JSON. Thread-safe."""

    def __init__(self, handlers: Handlers, served: Served | None = None) -> None:
        """A request that is meant for another database than `served` is refused."""
        self._served = served
        self.stopping = threading.Event()
        self._handlers = handlers
        self._long_polls = threading.BoundedSemaphore(LONG_POLLS)
        self._fetches = threading.BoundedSemaphore(FETCHES)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Called by waitress, on one of its threads, for each request."""
        request = Request(environ)
        try:
            endpoint, arguments = ROUTES.bind_to_environ(environ).match()
            _refuse_misdirected(request, self._served)
            _refuse_unknown(request, endpoint)
            reply = getattr(self, f"_{endpoint}")(request, **arguments)
            response = reply if isinstance(reply, Response) else _json(reply, 200)
        except HTTPException as error:
            response = _json(ErrorReply(error=_words(error, request)), error.code or 500)
            if isinstance(error, MethodNotAllowed):
                response.allow.update(error.valid_methods or ())
        except NoSuchEntry as error:
            response = _json(ErrorReply(error=str(error)), 404)
        except Refused as error:
            response = _json(ErrorReply(error=str(error)), 409)
        except NotAnswered as error:
            response = _json(ErrorReply(error=str(error)), 503)
        except BaseException:  # with SystemExit waitress would never answer, nor let go of it
            log.exception("control_request_failed", path=request.path)
            response = _json(ErrorReply(error="the daemon failed on this; see its log"), 500)
        return response(environ, start_response)

    def _status(self, _request: Request) -> StatusReply:
        return self._handlers.status()

    def _health(self, _request: Request) -> Response:
        """The same body either way; the status is for those who look at nothing else."""
        reply = self._handlers.health()
        return _json(reply, 200 if reply.healthy else 503)

    def _metrics(self, request: Request) -> Response:
        body, content_type = self._handlers.metrics(request.headers.get("Accept", ""))
        return Response(body, content_type=content_type)

    def _start_run(self, request: Request) -> StartRunReply:
        return self._handlers.start_run(_body(request, StartRunBody))

    def _run(self, request: Request, run_id: int) -> RunView:
        view = self._waiting(request, lambda wait: self._handlers.run(run_id, wait))
        if view is None:
            raise NotFound(f"there is no run {run_id}, or it has not begun yet")
        return view

    def _events(self, request: Request) -> EventsReply:
        since = _number(request, "since", None, 0, 2**63 - 1)
        run_id = _number(request, "run", None, 1, 2**63 - 1)
        limit = _number(request, "limit", 50, 1, MAX_EVENTS) or 50
        return self._waiting(
            request, lambda wait: self._handlers.events(since, run_id, limit, wait)
        )

    def _cancel(self, _request: Request) -> WordReply:
        return self._handlers.cancel()

    def _cancel_product(self, _request: Request, product_id: int) -> WordReply:
        return self._handlers.cancel_product(product_id)

    def _fetch(self, request: Request) -> FetchReply:
        body = _body(request, FetchBody)
        if not self._fetches.acquire(blocking=False):
            raise NotAnswered(f"{FETCHES} other fetches are under way; try again")
        try:
            return self._handlers.fetch(body)
        finally:
            self._fetches.release()

    def _pause(self, request: Request) -> WordReply:
        return self._handlers.pause(_body(request, PauseBody).seconds)

    def _resume(self, _request: Request) -> WordReply:
        return self._handlers.resume()

    def _interval(self, request: Request) -> ChoiceReply:
        return self._handlers.set_interval(_body(request, IntervalBody).seconds)

    def _concurrency(self, request: Request) -> ChoiceReply:
        return self._handlers.set_concurrency(_body(request, ConcurrencyBody).requests)

    def _rate(self, request: Request) -> ChoiceReply:
        return self._handlers.set_rate(_body(request, RateBody).per_second)

    def _reload(self, _request: Request) -> ReloadReply:
        return self._handlers.reload()

    def _accept_deletions(self, _request: Request, entry_id: int) -> DecisionReply:
        return self._handlers.accept_deletions(entry_id)

    def _retry_problems(self, request: Request) -> RetryReply:
        return self._handlers.retry_problems(_body(request, RetryBody).ids)

    def _clear_problem(self, _request: Request, entry_id: int) -> DecisionReply:
        return self._handlers.clear_problem(entry_id)

    def _drain(self, _request: Request) -> WordReply:
        return self._handlers.drain()

    def _waiting(self, request: Request, answer: Callable[[float], T]) -> T:
        """Answer after at most the `wait` asked for; at once where too many wait already.

        Waiting followers must not use up the threads that `status` and `cancel` need.
        """
        wait = _number(request, "wait", 0, 0, MAX_WAIT_SECONDS) or 0
        if not wait or self.stopping.is_set() or not self._long_polls.acquire(blocking=False):
            return answer(0.0)
        try:
            return answer(float(wait))
        finally:
            self._long_polls.release()


def _refuse_misdirected(request: Request, served: Served | None) -> None:
    """Who names no database means whichever it is; a path would not be the same everywhere."""
    meant = request.headers.get(DATABASE_HEADER)
    if served is not None and meant is not None and meant.strip() != served.identity:
        raise Misdirected(f"the daemon at this socket serves another database: {served.path}")


class Misdirected(HTTPException):
    """The request is meant for the daemon of another database."""

    code = 421
    description = ""


def _words(error: HTTPException, request: Request) -> str:
    """What was wrong; the library's own texts speak of browsers."""
    if error.description != type(error).description and error.description:
        return error.description
    return f"{error.name}: {request.method} {request.path}; see docs/control-api.md"


def _refuse_unknown(request: Request, endpoint: str) -> None:
    """A misspelt name in the query would silently answer another question."""
    allowed = [number.name for number in BY_NAME[endpoint].query]
    for name in request.args:
        if name not in allowed:
            raise BadRequest(f"{name}: expected one of {', '.join(allowed) or 'no names'}")


def _body(request: Request, kind: type[B]) -> B:
    try:
        return kind.model_validate_json(request.get_data() or b"{}")
    except ValidationError as error:
        raise BadRequest(_explained(error)) from error


def _explained(error: ValidationError) -> str:
    """Every wrong field, with what was expected."""
    return "; ".join(
        f"{'.'.join(map(str, detail['loc'])) or 'the body'}: "
        + detail["msg"].removeprefix("Value error, ")
        for detail in error.errors()
    )


def _number(request: Request, name: str, default: int | None, low: int, high: int) -> int | None:
    text = request.args.get(name)
    if text is None:
        return default
    is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    if not (is_number and low <= int(text) <= high):
        raise BadRequest(f"{name}: expected a whole number from {low} to {high}")
    return int(text)


def _json(reply: BaseModel, status: int) -> Response:
    return Response(reply.model_dump_json() + "\n", status=status, content_type="application/json")
