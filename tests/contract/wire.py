"""What the tests of the client share: threads with an outcome, and a server of raw bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

Answer = Callable[[socket.socket], None]


@dataclass
class Background(Generic[T]):
    """One call on a thread of its own: what it returned or raised, and how long it took."""

    work: Callable[[], T]
    error: BaseException | None = None
    result: T | None = None
    seconds: float = 0.0
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="test-call", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        began = time.monotonic()
        try:
            self.result = self.work()
        except BaseException as error:
            self.error = error
        self.seconds = time.monotonic() - began

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def join(self, within: float, what: str = "the call") -> None:
        """Wait for its end; fails when it goes on."""
        self._thread.join(within)
        assert not self._thread.is_alive(), f"{what} did not end within {within} s"


def at_once(*works: Callable[[], T]) -> list[Background[T]]:
    """Start all of these, each on a thread of its own."""
    return [Background(work) for work in works]


class RawServer:
    """Reads one request after another and answers each with bytes of the test's choice."""

    def __init__(self, answer: Answer) -> None:
        self.heads: list[bytes] = []
        self.connections = 0
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/customer/v2"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                self._open.append(connection)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            received = b""
            while piece := connection.recv(65_536):
                received += piece
                while b"\r\n\r\n" in received:
                    head, _, received = received.partition(b"\r\n\r\n")
                    self.heads.append(head)
                    self._answer(connection)

    def close(self) -> None:
        for open_one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                open_one.shutdown(socket.SHUT_RDWR)
            open_one.close()
        for thread in self._threads:
            thread.join(2.0)


@contextlib.contextmanager
def raw_server(answer: Answer) -> Iterator[RawServer]:
    """A server on loopback whose every answer is written by `answer`."""
    server = RawServer(answer)
    try:
        yield server
    finally:
        server.close()


def reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer with its length."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def drip(connection: socket.socket, content: bytes, seconds: float = 0.02) -> None:
    """Send byte after byte with a pause; ends when the client goes."""
    for byte in content:
        connection.sendall(bytes([byte]))
        time.sleep(seconds)
