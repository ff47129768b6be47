"""Lets in who has the link. Loopback alone is no protection: others use this machine too.

The link works once and gives the browser a cookie, because a link can be seen by others: it
stands in the list of processes while it is handed to the browser. Nothing behind the gate is
reached without the cookie, whatever it would allow by itself.
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


class Gate:
    """An ASGI application around another one."""

    def __init__(self, app: App, *, cookie: str, leads_to: str) -> None:
        """`cookie`: its name, different for each server of this machine. `leads_to`: a path."""
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
        elif scope["type"] != "http":
            return
        elif scope["path"] == ENTRANCE:
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
            cookie = f"{self._cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"
            await _say(send, 303, "", [*headers, (b"set-cookie", cookie.encode())])
        elif self._is_known(scope):
            await _say(send, 303, "", headers)
        else:
            await _say(send, 403, "This link was used already: start `testio-sync browse` anew.\n")

    def _is_known(self, scope: Message) -> bool:
        cookies = ";".join(v.decode("latin-1") for name, v in scope["headers"] if name == b"cookie")
        pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
        return any(name == self._cookie and _same(value, self._session) for name, _, value in pairs)


def _same(given: str, secret: str) -> bool:
    return secrets.compare_digest(given.encode(), secret.encode())


async def _say(
    send: Send, status: int, text: str, headers: list[tuple[bytes, bytes]] | None = None
) -> None:
    plain = [(b"content-type", TEXT), (b"cache-control", b"no-store"), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": plain})
    await send({"type": "http.response.body", "body": text.encode()})
