"""What can go wrong with a request, as types. Decisions look at the type, never at the text."""

from __future__ import annotations

from typing import ClassVar

from config.secrets import REDACTOR
from rules.model import ErrorKind


class TestioError(Exception):
    """A request that did not bring a usable answer.

    `kind` is what travels in messages and events. `retryable`: trying again may help by itself.
    """

    __test__ = False

    kind: ClassVar[ErrorKind]
    retryable: ClassVar[bool] = False


class Unauthorized(TestioError):
    """401: the token is not accepted. No other request can do better."""

    kind = ErrorKind.UNAUTHORIZED


class Forbidden(TestioError):
    """403: this token may not see that."""

    kind = ErrorKind.FORBIDDEN


class NotFound(TestioError):
    """404 or 410: there is no such thing."""

    kind = ErrorKind.NOT_FOUND


class RateLimited(TestioError):
    """429: too many requests. All workers wait until the time the remote named."""

    kind = ErrorKind.RATE_LIMITED
    retryable = True


class ServerError(TestioError):
    """5xx: the remote failed."""

    kind = ErrorKind.SERVER_ERROR
    retryable = True


class Timeout(TestioError):
    """The answer was not complete at the request's deadline, or at that of a gatekeeper in front.

    A smaller question may be answered in time.
    """

    kind = ErrorKind.TIMEOUT
    retryable = True


class ConnectionFailed(TestioError):
    """No connection, or one that broke before the answer was complete."""

    kind = ErrorKind.CONNECTION_FAILED
    retryable = True


class RemoteDown(ConnectionFailed):
    """The breaker is open: the whole remote failed a moment ago, so nothing was sent."""

    retryable = False


class BadPayload(TestioError):
    """Not what the API promises: not JSON, a wrong envelope, a redirect, too large.

    The message may quote the answer: no token of this process is left in it.
    """

    kind = ErrorKind.BAD_PAYLOAD

    def __init__(self, message: str) -> None:
        super().__init__(REDACTOR.thoroughly(message))


class RequestRefused(BadPayload):
    """Another 4xx (400, 422, …): the remote understood, and will not answer this request."""

    kind = ErrorKind.REFUSED


class Cancelled(TestioError):
    """The run was cancelled while the request waited or was under way."""

    kind = ErrorKind.CANCELLED
