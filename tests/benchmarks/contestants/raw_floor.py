"""The floor over raw sockets: as little work for a request as Python can do."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from tests.benchmarks.contestants import floor
from tests.benchmarks.contestants.contest import Task, take_part

CHUNK = 256 * 1024


class RawConnection:
    """HTTP/1.1 with keep-alive and a Content-Length, and nothing else."""

    def __init__(self, task: Task) -> None:
        url = urlsplit(task.url)
        self._socket = socket.create_connection((url.hostname, url.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._before = f"GET {url.path}".encode()
        headers = f"Host: {url.netloc}\r\nAuthorization: Token {task.token}"
        self._after = f" HTTP/1.1\r\n{headers}\r\n\r\n".encode()

    def get(self, path: str) -> bytes:
        """The body of the answer; anything but 200 is an error."""
        self._socket.sendall(self._before + path.encode() + self._after)
        received = self._socket.recv(CHUNK)
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._socket.recv(CHUNK)
        head = received[:end].lower()
        assert b" 200 " in head[:16], head
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        parts, missing = [received[end + 4 :]], length - (len(received) - end - 4)
        while missing:
            parts.append(self._socket.recv(CHUNK))
            missing -= len(parts[-1])
        return b"".join(parts)


def sync(task: Task) -> int:
    """The whole account; returns the rows mirrored."""
    return floor.sync(task, lambda: RawConnection(task).get)


if __name__ == "__main__":
    take_part(sync)
