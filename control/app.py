"""What answers each request of the control API: routes, checks input, answers JSON."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from control.endpoints import BY_NAME, ENDPOINTS, Endpoint, Number
from control.errors import ControlError, TryAgain
from control.protocol import DATABASE_HEADER, ErrorReply

B = TypeVar("B", bound=BaseModel)

log = structlog.get_logger(__name__)

LONG_POLLS = 2
LONGEST_NUMBER = 20
"""Digits; Python refuses to read thousands of them, and zeros in front could hide a large one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Which database a daemon serves: `device:inode` decides, the path is for people."""

    identity: str
    path: str


class ControlApp:
    """The WSGI application: routes, checks input, answers JSON. Thread-safe."""

    def __init__(self, handlers: object, served: Served | None = None) -> None:
        """`handlers` has a method for each endpoint, called on any of the server's threads.

        A request that is meant for another database than `served` is refused.
        """
        self._served = served
        self.stopping = threading.Event()
        self._handlers = handlers
        self._long_polls = threading.BoundedSemaphore(LONG_POLLS)
        self._rooms = {
            each.name: threading.BoundedSemaphore(each.at_once)
            for each in ENDPOINTS
            if each.at_once is not None
        }

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Called by waitress, on one of its threads, for each request."""
        request = Request(environ)
        try:
            name, given = ROUTES.bind_to_environ(environ).match()
            endpoint = BY_NAME[name]
            _refuse_misdirected(request, self._served)
            _refuse_unknown(request, endpoint)
            response = self._answer(endpoint, request, dict(given))
        except HTTPException as error:
            response = _json(ErrorReply(error=_words(error, request)), error.code or 500)
            if isinstance(error, MethodNotAllowed):
                response.allow.update(error.valid_methods or ())
        except ControlError as error:
            response = _json(ErrorReply(error=str(error)), error.status)
        except BaseException:  # with SystemExit waitress would never answer, nor let go of it
            log.exception("control_request_failed", path=request.path)
            response = _json(ErrorReply(error="the daemon failed on this; see its log"), 500)
        return response(environ, start_response)

    def _answer(self, endpoint: Endpoint, request: Request, given: dict[str, Any]) -> Response:
        """Have the handler of that name answer, with all that was given."""
        given |= {number.name: _number(request, number) for number in endpoint.query}
        if endpoint.body is not None:
            given["body"] = _body(request, endpoint.body)
        answer = getattr(self._handlers, endpoint.name)
        if endpoint.reply is None:
            text, content_type = answer(request.headers.get("Accept", ""), **given)
            return Response(text, content_type=content_type)
        with self._room(endpoint), self._patience(given):
            reply = answer(**given)
        is_unwell = endpoint.unwell and not reply.healthy
        return _json(reply, 503 if is_unwell else 200)

    @contextmanager
    def _room(self, endpoint: Endpoint) -> Iterator[None]:
        """Requests that take long leave threads for `status` and `cancel`."""
        room = self._rooms.get(endpoint.name)
        if room is None:
            yield
            return
        if not room.acquire(blocking=False):
            raise TryAgain(f"{endpoint.at_once} requests like it are under way; try again")
        try:
            yield
        finally:
            room.release()

    @contextmanager
    def _patience(self, given: dict[str, Any]) -> Iterator[None]:
        """Take the `wait` out of what was given where too many wait already.

        Waiting followers must not use up the threads that `status` and `cancel` need.
        """
        waits = bool(given.get("wait")) and not self.stopping.is_set()
        if not waits or not self._long_polls.acquire(blocking=False):
            if "wait" in given:
                given["wait"] = 0
            yield
            return
        try:
            yield
        finally:
            self._long_polls.release()


def _rule(endpoint: Endpoint) -> Rule:
    path, place = endpoint.path, endpoint.place
    if place is not None:
        path = path.replace(f"{{{place.name}}}", f"<int(max={place.high}):{place.name}>")
    return Rule(path, endpoint=endpoint.name, methods=[endpoint.method])


ROUTES = Map([_rule(endpoint) for endpoint in ENDPOINTS], merge_slashes=False)


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


def _refuse_unknown(request: Request, endpoint: Endpoint) -> None:
    """A misspelt name in the query would silently answer another question."""
    allowed = [number.name for number in endpoint.query]
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


def _number(request: Request, number: Number) -> int | None:
    text = request.args.get(number.name)
    if text is None:
        return number.default
    is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    if not (is_number and number.low <= int(text) <= number.high):
        raise BadRequest(
            f"{number.name}: expected a whole number from {number.low} to {number.high}"
        )
    return int(text)


def _json(reply: BaseModel, status: int) -> Response:
    return Response(reply.model_dump_json() + "\n", status=status, content_type="application/json")
