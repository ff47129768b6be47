"""HTTP by hand on the control socket, for what no client of ours would send."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def ask(path: Path, method: str, target: str, body: bytes = b"") -> int:
    """One request on a connection of its own; the status of the answer, 0 if there is none."""
    with connected(path) as connection:
        connection.send(request(method, target, body))
        return connection.status()


def request(method: str, target: str, body: bytes = b"") -> bytes:
    """As it goes over the line."""
    head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class Connection:
    """Kept alive: answers are read one by one."""

    def __init__(self, live: socket.socket) -> None:
        self._live = live
        self._read = live.makefile("rb")

    def send(self, what: bytes) -> None:
        """Raises OSError where the other end has gone."""
        self._live.sendall(what)

    def status(self) -> int:
        """Of the next answer, which is read to its end; 0 if the connection is closed first."""
        try:
            words = self._read.readline().split()
            length = 0
            while (line := self._read.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            self._read.read(length)
        except ConnectionError:
            return 0
        return int(words[1]) if len(words) > 1 else 0

    def close(self) -> None:
        """Both halves."""
        self._read.close()
        self._live.close()


@contextmanager
def connected(path: Path, seconds: float = 30.0) -> Iterator[Connection]:
    """A connection, to the end of the block."""
    live = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    live.settimeout(seconds)
    live.connect(str(path))
    connection = Connection(live)
    try:
        yield connection
    finally:
        connection.close()
