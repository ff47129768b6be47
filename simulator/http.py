"""Requests and replies as values, and how a reply's head is written in HTTP/1.1."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import orjson

JSON_TYPE = "application/json; charset=utf-8"
BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Request:
    """One request, complete."""

    method: str
    path: str
    """Percent-decoded, without the query."""
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name; of repeated ones the last."""
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a reply goes over the wire."""

    delay_seconds: float = 0.0
    """Pause before the first byte."""
    byte_seconds: float | None = None
    """Pause after each single byte; None sends without pauses."""
    hang: bool = False
    """Send nothing, ever."""
    cut_after: int | None = None
    """End the connection after the head and this many bytes of the body."""
    reset: bool = False
    """End the connection with RST; without `cut_after` before the first byte."""
    padding: int = 0
    """Spaces sent after the body, as a part of it."""
    twice: bool = False
    """Send all of it once more behind it, as if another request had asked for it."""
    surplus: int = 0
    """Spaces sent after all that was announced."""
    interim: int | None = None
    """Send a reply of this status (1xx) first, which says that the real one will follow."""
    endless_head: float | None = None
    """Send header lines for ever, with so many seconds between two."""
    chunks: str | None = None
    """Send the body in chunks, with this of the DEFECTS in `simulator.chunks`."""
    hang_up_after: float | None = None
    """End the connection so long after the answer, though it was to be kept."""
    half: bool = False
    """When hanging up, end this side's sending only, and answer nothing more."""


AT_ONCE = Manner()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, and the manner in which it is sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()
    manner: Manner = AT_ONCE

    @property
    def visible_status(self) -> int | None:
        """The status that the client gets to see; None when the answer never comes."""
        manner = self.manner
        silent = manner.reset and manner.cut_after is None
        return None if manner.hang or silent or manner.endless_head is not None else self.status


def json_reply(content: object, status: int = 200) -> Reply:
    """A reply whose body is `content` as JSON."""
    return Reply(status=status, body=orjson.dumps(content))


def error_reply(status: int, message: str, *headers: tuple[str, str]) -> Reply:
    """An error in the API's form: a JSON object with a message."""
    body = orjson.dumps({"error": message})
    return Reply(status=status, body=body, headers=headers)


def without_body(reply: Reply) -> Reply:
    """The same reply with an empty body; its manner no longer pads."""
    return replace(reply, body=b"", manner=replace(reply.manner, padding=0, chunks=None))


def render_head(reply: Reply, *, keep_alive: bool) -> bytes:
    """The status line and the headers, up to the empty line."""
    headers = list(reply.headers)
    if reply.status not in BODILESS:
        headers += [("Content-Type", reply.content_type), _framing(reply)]
    if not keep_alive:
        headers.append(("Connection", "close"))
    lines = [f"HTTP/1.1 {reply.status} {_reason(reply.status)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def render_interim(status: int) -> bytes:
    """The whole of an interim reply, as hints at what to load come before a page."""
    link = "Link: </assets/application.css>; rel=preload; as=style"
    return f"HTTP/1.1 {status} {_reason(status)}\r\n{link}\r\n\r\n".encode("latin-1")


def _framing(reply: Reply) -> tuple[str, str]:
    if reply.manner.chunks is not None:
        return "Transfer-Encoding", "chunked"
    return "Content-Length", str(len(reply.body) + reply.manner.padding)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
