"""The other end of sd_notify: a datagram socket that keeps what it hears."""

from __future__ import annotations

import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Listener:
    """Hears what a daemon tells systemd. `address` goes into NOTIFY_SOCKET."""

    def __init__(self, address: str, end: socket.socket) -> None:
        self.address = address
        self.heard: list[str] = []
        self._end = end

    def all(self) -> list[str]:
        """Everything heard up to now."""
        while self._hear(0.0):
            pass
        return self.heard

    def wait_for(self, is_it: Callable[[str], bool], what: str, *, within: float = 30.0) -> str:
        """The first message from now on that is the one, waiting for it."""
        give_up_at = time.monotonic() + within
        begin = len(self.heard)
        while True:
            found = next((m for m in self.heard[begin:] if is_it(m)), None)
            if found is not None:
                return found
            left = give_up_at - time.monotonic()
            if left <= 0 or not self._hear(left):
                pytest.fail(f"{what} was not told within {within} s; heard: {self.heard}")

    def _hear(self, seconds: float) -> bool:
        self._end.settimeout(seconds)
        try:
            self.heard.append(self._end.recv(4096).decode())
        except (TimeoutError, BlockingIOError):
            return False
        return True


@contextmanager
def listening(folder: Path, *, abstract: bool = False) -> Iterator[Listener]:
    """Listen at a path in the folder, or under an abstract name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        name = f"testio-sync-{uuid.uuid4().hex}"
        path = folder / "notify"
        path.unlink(missing_ok=True)
        end.bind(f"\0{name}" if abstract else str(path))
        yield Listener(f"@{name}" if abstract else str(path), end)
