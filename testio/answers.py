"""What an answer means: its status, its `Retry-After`, its body; and what a failure came from."""

from __future__ import annotations

import email.utils
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from testio.errors import (
    BadPayload,
    Forbidden,
    NotFound,
    RateLimited,
    RequestRefused,
    ServerError,
    TestioError,
    Timeout,
    Unauthorized,
)
from testio.said import NOTHING, Said, masking, said_in

CHUNK = 64 * 1024
MOST_SAID = 16 * 1024
"""Bytes that are read of an error's body."""

LONG_NUMBER = 16
LONGEST_WAIT = 31_536_000.0
"""What a `Retry-After` beyond a year comes to: no infinity, which JSON does not have."""

TOO_SLOW = frozenset({504, 524})
"""What a gatekeeper answers where the API behind it took too long."""


def error_of_status(status: int, said: Said = NOTHING) -> TestioError:
    """The error that a status code outside 2xx and 3xx stands for, with what was said of it.

    The words are for people: the type comes of the status alone.
    """
    kind, meaning, hint = _meaning(status)
    if said.by_gatekeeper and status not in TOO_SLOW:
        meaning = "a gatekeeper in front answered, not the API"
    words = f": {said.words}" if said.words else ""
    return kind(f"{meaning} ({status}){words}{hint}")


def _meaning(status: int) -> tuple[type[TestioError], str, str]:
    """The error's type, what it means, and what to do about it, if that is always the same."""
    if status == 401:
        return Unauthorized, "the remote refused the token", "; give it a new one"
    if status == 403:
        return Forbidden, "the token may not see this", ""
    if status in (404, 410):
        return NotFound, "the remote says there is no such thing", ""
    if status == 429:
        return RateLimited, "the remote's rate limit was reached", ""
    if status in TOO_SLOW:
        return Timeout, "the remote took too long, says a gatekeeper in front of it", ""
    if status >= 500:
        return ServerError, "the remote failed", ""
    if status >= 400:
        return RequestRefused, "the remote refused the request", ""
    return BadPayload, "the remote answered with an unexpected status", ""


def retry_after_seconds(header: str | None, *, now: float) -> float | None:
    """Seconds to wait by a `Retry-After` header: a number or an HTTP date; None if unusable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_WAIT) if len(text) < LONG_NUMBER else LONGEST_WAIT
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def read_body(response: requests.Response, limit: int) -> bytes:
    """The decoded body, refused as soon as it exceeds `limit` bytes, or is announced to."""
    length, too_large = _announced_length(response), f"the answer is larger than {limit} bytes"
    if length is not None and length > limit:
        raise BadPayload(too_large)
    if length is not None:
        return bytes(response.raw.read())
    body = bytearray()
    while chunk := response.raw.read(CHUNK, decode_content=True):
        body += chunk
        if len(body) > limit:
            raise BadPayload(too_large)
    return bytes(body)


def read_said(response: requests.Response, token: str) -> Said:
    """What the beginning of an error's body says; nothing where it cannot be read.

    A body that is read to its end leaves the connection to the next request.
    """
    try:
        body = bytes(response.raw.read(MOST_SAID, decode_content=True))
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
        return NOTHING
    return said_in(body, response.headers.get("Content-Type", ""), token)


def _announced_length(response: requests.Response) -> int | None:
    """The bytes of a body that is sent as it is; None where that is not known."""
    if "Content-Encoding" in response.headers:
        return None
    length: int | None = response.raw.length_remaining
    return length


def redirect_host(response: requests.Response, token: str) -> str:
    """Where a redirect leads; only the host, as the rest may hold what is not to be logged."""
    try:
        host = urlsplit(response.headers.get("Location", "")).hostname or "?"
    except ValueError:
        return "?"
    return host if masking(token).thoroughly(host) == host else "?"


def root_cause(error: BaseException) -> str:
    """What lies at the bottom of a chain of wrapped errors, without the request's URL."""
    while isinstance(cause := _next_cause(error), BaseException):
        error = cause
    return (
        f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__
    )


def _next_cause(error: BaseException) -> object:
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return reason
    return next((arg for arg in error.args if isinstance(arg, BaseException)), error.__cause__)
