"""Serves /metrics, and nothing else, on a port of this machine: Prometheus reads no Unix socket.

Only the loopback address is bound, and the Host header has to name it: a web page that has its
own name resolved to 127.0.0.1 gets nothing out of a browser on this machine.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from werkzeug.wrappers import Request, Response

from config.addresses import loopback_address
from config.threads import lasting_thread
from rules.diagnosis.catalogue import CATALOGUE
from rules.diagnosis.codes import Code

log = structlog.get_logger(__name__)

THREADS = 2
CONNECTIONS = 20
IDLE_SECONDS = 10
MOST_SECONDS = 15
"""How long a connection may take for one request, from its beginning to the answer's end."""
MAX_HEADER_BYTES = 16 * 1024

PORT = re.compile(r"(?<=[^:]):[0-9]+$")

Page = Callable[[str], tuple[bytes, str]]


class _Channel(HTTPChannel):
    """A connection whose time begins anew with each request that was answered."""

    def service(self) -> None:
        super().service()
        self.creation_time = time.time()


class MetricsServer:
    """The port and its threads, from `bind` to `stop`. `page` gives the metrics."""

    def __init__(self, address: str, page: Page) -> None:
        self._address = address
        self._app = MetricsApp(page)
        self._map: dict[int, Any] = {}
        self._server: Any = None  # the stubs of waitress lack what stopping it needs
        self._thread: threading.Thread | None = None
        self.host, self.port = loopback_address(address)
        self.flaw: tuple[str, str] | None = None
        """The address and why it is not served; None while all is well, and before `start`."""

    @property
    def is_serving(self) -> bool:
        """Whether the port is ours."""
        return self._server is not None

    def start(self) -> bool:
        """Bind and serve; whether that was possible. A page less is no reason to mirror nothing.

        Said in the log; `start` may be called again.
        """
        try:
            listening = _bound(self.host, self.port)
        except OSError as error:
            why = error.strerror or str(error)
            advice = CATALOGUE[Code.METRICS_NOT_SERVED].action_with(address=self._address)
            log.error("metrics_not_served", address=self._address, error=why, advice=advice)
            self.flaw = self._address, why
            return False
        self.flaw = None
        self.port = listening.getsockname()[1]
        self._server = create_server(
            self._app,
            map=self._map,
            sockets=[listening],
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            max_request_body_size=1024,
            max_request_header_size=MAX_HEADER_BYTES,
            asyncore_use_poll=True,
            ident="testio-sync",
        )
        self._server.channel_class = _Channel
        self._thread = lasting_thread("testio-metrics", self._serve)
        self._thread.start()
        log.info("metrics_served", host=self.host, port=self.port)
        return True

    def stop(self) -> None:
        """Close the port. Never raises."""
        if self._server is None or self._thread is None:
            return
        server, self._server = self._server, None
        with contextlib.suppress(OSError):
            server.trigger.pull_trigger(lambda: wasyncore.close_all(self._map))
        self._thread.join(timeout=2.0)
        server.task_dispatcher.shutdown(timeout=1)

    def _serve(self) -> None:
        while self._map:
            wasyncore.loop(timeout=1, map=self._map, use_poll=True, count=1)
            self._cut_overdue()

    def _cut_overdue(self) -> None:
        """Waitress minds connections that are quiet only: who drips, or does not read, stays."""
        server = self._server
        if server is None:
            return
        cutoff = time.time() - MOST_SECONDS
        for channel in list(server.active_channels.values()):
            if channel.creation_time < cutoff:
                channel.handle_close()


class MetricsApp:
    """The WSGI application."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Called by waitress, on one of its threads, for each request."""
        request = Request(environ)
        if not _names_this_machine(environ.get("HTTP_HOST", "")):
            response = _words("ask for 127.0.0.1 or localhost", 403)
        elif request.path != "/metrics":
            response = _words("only /metrics is here", 404)
        elif request.method not in ("GET", "HEAD"):
            response = _words("only GET", 405)
        else:
            response = self._metrics(request)
        return response(environ, start_response)

    def _metrics(self, request: Request) -> Response:
        try:
            body, content_type = self._page(request.headers.get("Accept", ""))
        except BaseException:  # with SystemExit waitress would never answer, nor let go of it
            log.exception("metrics_failed")
            return _words("the daemon failed on this; see its log", 500)
        return Response(body, content_type=content_type)


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(CONNECTIONS)
    except OSError:
        listening.close()
        raise
    return listening


def _names_this_machine(host: str) -> bool:
    """Whether a Host header is a loopback address or localhost, with any port or none."""
    name = PORT.sub("", host.strip().lower())
    if name == "localhost":
        return True
    try:
        loopback_address(f"{name}:0")
    except ValueError:
        return False
    return True


def _words(text: str, status: int) -> Response:
    return Response(f"{text}\n", status=status, content_type="text/plain; charset=utf-8")
