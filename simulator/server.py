"""The HTTP/1.1 server: connections, keep-alive, pipelining, and an end that is prompt."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from email.utils import formatdate
from urllib.parse import parse_qs, unquote

import httptools

from simulator.api import Api
from simulator.control import PREFIX, Control
from simulator.delivery import Delivery
from simulator.faults import Fault
from simulator.http import (
    AT_ONCE,
    BODILESS,
    Reply,
    Request,
    error_reply,
    render_head,
    without_body,
)
from simulator.options import SimulatorOptions
from simulator.world import World

LARGEST_REQUEST = 2**20
MOST_PIPELINED = 64


class RequestTooLargeError(Exception):
    """A request is longer than LARGEST_REQUEST bytes."""


class Application:
    """From a request to its reply, for control and API alike."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._api = Api(world)
        self._control = Control(world)

    def answer(self, request: Request) -> Reply:
        """The reply to a request, noted in the log unless it is a control request."""
        if request.path.startswith(PREFIX):
            return self._control.answer(request)
        reply = self._dated(self._api.answer(request))
        self.world.log.add(request, reply)
        return reply

    def _dated(self, reply: Reply) -> Reply:
        now = time.time() + self.world.options.clock_ahead_seconds
        return replace(reply, headers=(*reply.headers, ("Date", formatdate(now, usegmt=True))))


class Connection(asyncio.Protocol):
    """One client's connection; answers its requests one after another, in their order."""

    def __init__(self, application: Application, others: "set[Connection]") -> None:
        self._application = application
        self._others = others
        self._waiting: deque[tuple[Request | Reply, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self.on_message_begin()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._others.add(self)
        self._room.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Called by the loop; ends a delivery under way, hanging ones included."""
        self._others.discard(self)
        self._waiting.clear()
        self._room.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """Called by the loop when the client reads too slowly."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Called by the loop when the buffer has room again."""
        self._room.set()
        self._answer_waiting()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            self._waiting.append((error_reply(413, "the request is too large"), False))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError):
            self._waiting.append((error_reply(400, "the request is not valid HTTP/1.1"), False))
        if len(self._waiting) > MOST_PIPELINED:
            self._transport.pause_reading()
        self._answer_waiting()

    def on_message_begin(self) -> None:
        """Called by the parser, as are the other methods that follow."""
        self._url = b""
        self._body = b""
        self._headers: dict[str, str] = {}
        self._size = 0

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._grow(len(url))
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._grow(len(name) + len(value))
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._grow(len(body))
        self._body += body

    def on_message_complete(self) -> None:
        """The request is whole."""
        method = self._parser.get_method().decode("latin-1")
        path, _, query = self._url.decode("latin-1").partition("?")
        fields = parse_qs(query, keep_blank_values=True) if query else {}
        request = Request(method, unquote(path), fields, self._headers, self._body)
        self._waiting.append((request, self._parser.should_keep_alive()))

    def end(self) -> asyncio.Task[None] | None:
        """Drop the connection at once; returns the delivery that is being cancelled."""
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()
        return self._task

    def _grow(self, length: int) -> None:
        self._size += length
        if self._size > LARGEST_REQUEST:
            raise RequestTooLargeError

    def _answer_waiting(self) -> None:
        # A slow delivery holds back the requests pipelined behind it: answers keep their order.
        while self._waiting and self._task is None and self._room.is_set():
            if self._transport.is_closing():
                return
            self._answer(*self._waiting.popleft())
        if not self._waiting:
            self._transport.resume_reading()

    def _answer(self, asked: Request | Reply, keep_alive: bool) -> None:
        reply = asked if isinstance(asked, Reply) else self._application.answer(asked)
        head = render_head(reply, keep_alive=keep_alive)
        headed = isinstance(asked, Request) and asked.method == "HEAD"
        if headed or reply.status in BODILESS:
            reply = without_body(reply)
        if reply.manner == AT_ONCE:
            self._transport.write(head + reply.body)
            if not keep_alive:
                self._transport.close()
        else:
            delivery = Delivery(self._transport, self._drained, head, reply)
            self._task = asyncio.get_running_loop().create_task(delivery.run())
            self._task.add_done_callback(lambda task: self._delivered(task, keep_alive))

    async def _drained(self) -> None:
        await self._room.wait()

    def _delivered(self, task: asyncio.Task[None], keep_alive: bool) -> None:
        self._task = None
        if task.cancelled():
            return
        task.result()  # An error here is the simulator's own: let the loop report it.
        if keep_alive:
            self._answer_waiting()
        else:
            self._transport.close()


class Server:
    """One listening simulator on the running loop."""

    def __init__(self, options: SimulatorOptions, faults: Iterable[Fault] = ()) -> None:
        self.world = World(options, faults)
        self._application = Application(self.world)
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._port = options.port
        self.url = ""
        """Scheme, host and port, known once started."""

    async def start(self) -> None:
        """Begin to listen; after a stop on the same port again.

        Raises:
            OSError: the port is taken or not allowed.
        """
        loop, options = asyncio.get_running_loop(), self.world.options
        self._listener = await loop.create_server(
            lambda: Connection(self._application, self._connections), options.host, self._port
        )
        host, port = self._listener.sockets[0].getsockname()[:2]
        self._port = port
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening and drop every connection, hanging ones included."""
        if self._listener is not None:
            self._listener.close()
        await self.drop_connections()

    async def drop_connections(self) -> None:
        """End every connection where it stands."""
        # Connections accepted just now become known in callbacks that are already scheduled.
        await asyncio.sleep(0)
        tasks = [task for connection in list(self._connections) if (task := connection.end())]
        await asyncio.gather(*tasks, return_exceptions=True)
        # The transports close their sockets in callbacks that are already scheduled.
        while self._connections:
            await asyncio.sleep(0)
