"""Tells systemd how the daemon is, by the protocol of sd_notify(3). Does nothing without systemd.

The protocol is one datagram of `NAME=value` lines to the socket that NOTIFY_SOCKET names, and has
not changed since 2010: no library is needed.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import structlog

log = structlog.get_logger(__name__)

SEND_SECONDS = 1.0
"""Sending waits at most so long for a service manager that does not read."""


class SdNotify:
    """What the service manager hears. Thread-safe; no method raises or waits for long."""

    def __init__(self, address: str | None = None, watchdog_seconds: float | None = None) -> None:
        """`address`: the socket's path, `@name` for an abstract one, None for nobody.

        `watchdog_seconds`: within which `alive` has to be called again; None: nobody waits for it.
        """
        self.watchdog_seconds = watchdog_seconds
        self._address = address
        self._lock = threading.Lock()
        self._status = ""
        self._is_heard = True
        self._is_ready = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> SdNotify:
        """The one that systemd has asked for."""
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return cls()
        return cls(address, _watchdog_seconds(environ))

    def ready(self) -> None:
        """The daemon has come up."""
        self._is_ready = True
        self._tell("READY=1")

    @contextmanager
    def reload(self) -> Iterator[None]:
        """The settings are read again within the block, whatever comes of it.

        While the daemon is not ready, or not any more, nobody is told: the end would say it is.
        """
        if self._is_ready:
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self._tell(f"RELOADING=1\nMONOTONIC_USEC={now}", "reloading the settings")
        try:
            yield
        finally:
            if self._is_ready:
                self._tell("READY=1")

    def stopping(self) -> None:
        """The daemon is about to end."""
        self._is_ready = False
        self._tell("STOPPING=1", "stopping")

    def alive(self) -> None:
        """The daemon is at work; has to be said again within `watchdog_seconds`."""
        if self.watchdog_seconds is not None:
            self._tell("WATCHDOG=1")

    def status(self, text: str) -> None:
        """What the daemon does now, in one line for people; sent only if it is news."""
        self._tell("", text)

    def _tell(self, what: str, status: str = "") -> None:
        if self._address is None:
            return
        status = " ".join(status.split())
        with self._lock:
            news = f"STATUS={status}" if status and status != self._status else ""
            message = "\n".join(filter(None, (what, news)))
            if message and self._send(message) and news:
                self._status = status

    def _send(self, message: str) -> bool:
        assert self._address is not None
        path = self._address
        address = f"\0{path[1:]}" if path.startswith("@") else path
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(SEND_SECONDS)
                sender.sendto(message.encode(), address)
        except OSError as error:
            if self._is_heard:
                log.warning("systemd_not_told", told=message, error=str(error))
            self._is_heard = False
        else:
            self._is_heard = True
        return self._is_heard


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """Seconds within which the watchdog wants to hear from this very process."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environ.get("WATCHDOG_USEC", "")
    if not (microseconds.isascii() and microseconds.isdigit() and int(microseconds) > 0):
        return None
    return int(microseconds) / 1e6
