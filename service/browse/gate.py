"""Lets in who has the link. Loopback alone is no protection: others use this machine too.

The link works once and gives the browser a cookie, because a link can be seen by others. Nothing
behind the gate is reached without the cookie, whatever it would allow by itself, and no page of it
loads anything from elsewhere, sends a form there, or stands in a page of somebody else.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

ENTRANCE = "/enter"
TEXT = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"
POLICY = "; ".join(
    (
        "default-src 'self'",
        # Datasette's pages have scripts in them, and Vega-Lite makes functions of expressions.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        *("object-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"),
    )
)
OF_EVERY_ANSWER = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)
ONWARDS = """<!doctype html><meta http-equiv="refresh" content="0; url={0}">
<a href="{0}">To the mirror</a>
"""


class Gate:
    """An ASGI application around another one."""

    def __init__(
        self, app: App, *, cookie: str, leads_to: str, entered: Callable[[], None]
    ) -> None:
        """`cookie`: its name, different for each server of this machine. `leads_to`: a path.
        `entered` is called once, when the link has been used."""
        self._entered = entered
        self._app = app
        self._cookie = cookie
        self._leads_to = leads_to
        self._ticket: str | None = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)

    @property
    def entrance(self) -> str:
        """The path with the ticket that works once."""
        return f"{ENTRANCE}?ticket={self._ticket}"

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request, or the start and end of the server, which go through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, _guarded(send))

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] == ENTRANCE:
            await self._enter(scope, send)
        elif self._is_known(scope):
            await self._app(scope, receive, send)
        else:
            await _say(send, 403, "Open the link that `testio-sync browse` has printed.\n")

    async def _enter(self, scope: Message, send: Send) -> None:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("ticket", [""])[0]
        headers = [(b"location", self._leads_to.encode())]
        if self._ticket is not None and _same(given, self._ticket):
            self._ticket = None
            self._entered()
            cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
            headers.append((b"set-cookie", cookie.encode()))
            if _comes_from_elsewhere(scope):
                # Of a file: a redirect would still be its step, to which no such cookie is sent.
                page = ONWARDS.format(self._leads_to)
                await _say(send, 200, page, headers[1:], kind=HTML)
            else:
                await _say(send, 303, "", headers)
        elif self._is_known(scope):
            await _say(send, 303, "", headers)
        else:
            await _say(send, 403, "This link was used already: start `testio-sync browse` anew.\n")

    def _is_known(self, scope: Message) -> bool:
        cookies = ";".join(v.decode("latin-1") for name, v in scope["headers"] if name == b"cookie")
        pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
        return any(name == self._cookie and _same(value, self._session) for name, _, value in pairs)


def _comes_from_elsewhere(scope: Message) -> bool:
    return (b"sec-fetch-site", b"cross-site") in [(name, value) for name, value in scope["headers"]]


def _guarded(send: Send) -> Send:
    """The same, with the headers that every answer has."""

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in OF_EVERY_ANSWER}
            kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in own]
            message = {**message, "headers": [*kept, *OF_EVERY_ANSWER]}
        await send(message)

    return guarded


def _same(given: str, secret: str) -> bool:
    return secrets.compare_digest(given.encode(), secret.encode())


async def _say(
    send: Send,
    status: int,
    text: str,
    headers: list[tuple[bytes, bytes]] | None = None,
    *,
    kind: bytes = TEXT,
) -> None:
    plain = [(b"content-type", kind), (b"cache-control", b"no-store"), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": plain})
    await send({"type": "http.response.body", "body": text.encode()})
