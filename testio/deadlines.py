"""A total deadline for each request, kept by shutting its socket down from another thread.

Read timeouts count from one byte to the next, so a server that drips outlives any of them, and
closing a session does not free a blocked call. `shutdown()` on the live socket does, at once.
The sockets watched are duplicates: they stay valid while TLS takes over the original's descriptor,
and after http.client has closed it in the middle of a body (`Connection: close`).
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from config.threads import NoThread, is_no_thread, lasting_thread
from testio.chunks import CarefulResponse
from testio.errors import Cancelled, ConnectionFailed

DEADLINE = "deadline"
"""Why a call was cut whose time was over."""

_current = threading.local()


class LiveCall:
    """One attempt's live socket, and why it was cut, if it was. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._twin: socket.socket | None = None
        self.cut_because: str | None = None
        self.over = False

    def attach(self, live: socket.socket) -> None:
        """Watch this socket. Raises ConnectionAbortedError if the call was cut before."""
        twin = socket.fromfd(live.fileno(), live.family, live.type)
        with self._lock:
            self._drop_twin()
            self._twin = twin
            if self.cut_because is not None:
                raise ConnectionAbortedError(f"the call was cut: {self.cut_because}")

    def cut(self, because: str) -> None:
        """End the call: its thread gets a connection error. A call that is over is left alone."""
        with self._lock:
            if self.over or self.cut_because is not None:
                return
            self.cut_because = because
            if self._twin is not None:
                _shut_down(self._twin)

    def end(self) -> None:
        """The answer is in, or the attempt has failed: the socket belongs to the pool again."""
        with self._lock:
            self.over = True
            self._drop_twin()

    def _drop_twin(self) -> None:
        if self._twin is not None:
            self._twin.close()
            self._twin = None


def _shut_down(live: socket.socket) -> None:
    with contextlib.suppress(OSError):
        live.shutdown(socket.SHUT_RDWR)


class Deadlines:
    """One thread that cuts calls at their deadline. It starts with the first call."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._heap: list[tuple[float, int, LiveCall]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._wakes_at = 0.0
        self._closed = False

    @contextlib.contextmanager
    def watching(self, call: LiveCall, seconds: float) -> Iterator[None]:
        """Cut `call` unless the block ends within `seconds`; its connections attach themselves."""
        self._add(call, time.monotonic() + seconds)
        _current.call = call
        try:
            yield
        finally:
            _current.call = None
            call.end()

    def hasten(self, call: LiveCall, seconds: float) -> None:
        """Cut this call in so many seconds at the latest, if it has not ended by then."""
        self._add(call, time.monotonic() + seconds)

    def _add(self, call: LiveCall, due: float) -> None:
        with self._changed:
            if self._closed:
                raise Cancelled("the client was closed")
            self._drop_ended()
            heapq.heappush(self._heap, (due, next(self._numbers), call))
            if self._thread is None:
                self._thread = _started(lasting_thread("testio-deadlines", self._run))
            elif due < self._wakes_at:
                self._changed.notify()

    def _drop_ended(self) -> None:
        while self._heap and self._heap[0][2].over:
            heapq.heappop(self._heap)

    def close(self) -> None:
        """Cut every call under way and end the thread."""
        with self._changed:
            self._closed = True
            calls = [call for _, _, call in self._heap]
            self._changed.notify()
        for call in calls:
            call.cut("closed")
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while (due := self._next_due()) is not None:
            for call in due:
                call.cut(DEADLINE)

    def _next_due(self) -> list[LiveCall] | None:
        """Wait for the next deadline; None when closed."""
        with self._changed:
            while not self._closed:
                self._drop_ended()
                now = time.monotonic()
                if self._heap and self._heap[0][0] <= now:
                    return [heapq.heappop(self._heap)[2]]
                self._wakes_at = self._heap[0][0] if self._heap else math.inf
                self._changed.wait(self._wakes_at - now if self._heap else None)
            return None


class _Watched(HTTPConnection):
    """Tells the current call which socket it is on."""

    response_class = CarefulResponse

    def _new_conn(self) -> socket.socket:
        address = (self._dns_host.strip("[]"), self.port)
        try:
            return _connect(address, self.timeout, self.source_address, self.socket_options)
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"no connection in {self.timeout} s") from error
        except OSError as error:
            raise NewConnectionError(self, f"no connection: {error}") from error

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            _attach(self.sock)
        super().request(*args, **kwargs)


def _connect(address: tuple[str, int], timeout: Any, source: Any, options: Any) -> socket.socket:
    """A connected socket; attached before it connects, so that the attempt can be cut as well."""
    failure: OSError = OSError("the name has no address")
    for family, kind, protocol, _, target in socket.getaddrinfo(*address, 0, socket.SOCK_STREAM):
        live = socket.socket(family, kind, protocol)
        try:
            for option in options or ():
                live.setsockopt(*option)
            live.settimeout(timeout)
            if source:
                live.bind(source)
            _attach(live)
            live.connect(target)
            return live
        except OSError as error:
            live.close()
            failure = error
    raise failure


def _attach(live: socket.socket) -> None:
    call: LiveCall | None = getattr(_current, "call", None)
    if call is not None:
        call.attach(live)


class _WatchedSecure(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _WatchedSecure


class WatchedAdapter(HTTPAdapter):
    """The requests adapter whose connections attach themselves to the current call.

    It is for one remote, asked in one way: the pool of connections is looked up once, not for
    each request. What an answer says of cookies is not read.
    """

    _pool: ConnectionPool | None = None

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> ConnectionPool:
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **kwargs)
        return self._pool

    def close(self) -> None:
        """Close the connections that wait: urllib3 would leave them to the garbage collector."""
        super().close()
        if (pool := self._pool) is not None:
            pool.close()

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        if proxies or not request.url:
            return super().request_url(request, proxies)
        return request.url[request.url.index("/", len("https://")) :]

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.headers = resp.status, resp.headers
        response.raw, response.reason, response.request = resp, resp.reason, req
        response.connection = self
        return response

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        return manager


def _started(thread: threading.Thread) -> threading.Thread:
    """Without deadlines nothing is asked; the next attempt tries again. Raises ConnectionFailed."""
    try:
        thread.start()
    except RuntimeError as error:
        if not is_no_thread(error):
            raise
        raise ConnectionFailed(f"nothing was asked: {NoThread()}") from error
    return thread
