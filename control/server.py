"""Serves the control API on a Unix socket, from threads of waitress in the daemon's process.

Nobody but the daemon's user can connect: the socket is 0600 in a folder 0700. It is bound only
while the writer lock is held, because binding would silently replace a live socket.
"""

from __future__ import annotations

import contextlib
import os
import resource
import stat
import threading
import time
from pathlib import Path
from typing import Any

import structlog
from waitress import wasyncore
from waitress.server import create_server

from control.app import ControlApp, Handlers
from control.paths import LONGEST

THREADS = 8
MAX_BODY_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
IDLE_SECONDS = 5
LAST_ANSWERS_SECONDS = 0.5
CONNECTIONS = 1200
"""At most; those beyond wait until others have been quiet for IDLE_SECONDS."""
AFTER_FAILURE_SECONDS = 0.1
"""What fails at once again is not to keep a core busy."""

log = structlog.get_logger(__name__)


class NoSocket(Exception):
    """The control socket cannot be bound; the text says why and what to do."""


class ControlServer:
    """The socket and its threads, from `start` to `stop`. Raises NoSocket."""

    def __init__(self, path: Path, handlers: Handlers) -> None:
        self.path = path
        self._app = ControlApp(handlers)
        self._map: dict[int, Any] = {}
        self._server: Any = None  # the stubs of waitress lack what stopping it needs
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Bind and serve. A socket that a killed daemon left behind is replaced."""
        try:
            prepare_folder(self.path)
            self._server = self._bound()
        except OSError as error:
            raise NoSocket(f"cannot listen on {self.path}: {error}") from error
        self._thread = threading.Thread(target=self._serve, name="testio-control", daemon=True)
        self._thread.start()

    def _bound(self) -> Any:
        server: Any = create_server(
            self._app,
            map=self._map,
            unix_socket=str(self.path),
            unix_socket_perms="600",
            threads=THREADS,
            connection_limit=_most_connections(),
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=1,
            max_request_body_size=MAX_BODY_BYTES,
            max_request_header_size=MAX_HEADER_BYTES,
            asyncore_use_poll=True,
            ident="testio-sync",
        )
        server.handle_error = _not_accepted  # its own would close the socket for good
        return server

    def stop(self) -> None:
        """Close the socket and remove it. Answers under way are cut. Never raises."""
        if self._server is None or self._thread is None:
            return
        self._app.stopping.set()
        server, self._server = self._server, None
        self._let_answers_out()
        with contextlib.suppress(OSError):  # another pull may have run this thunk already
            server.trigger.pull_trigger(lambda: wasyncore.close_all(self._map))
        self._thread.join(timeout=2.0)
        server.task_dispatcher.shutdown(timeout=1)
        self.path.unlink(missing_ok=True)

    def _let_answers_out(self) -> None:
        """Wait a moment for answers under way: who asked us to stop is to hear of it."""
        give_up_at = time.monotonic() + LAST_ANSWERS_SECONDS
        while time.monotonic() < give_up_at:
            channels = [c for c in list(self._map.values()) if hasattr(c, "total_outbufs_len")]
            if not any(c.requests or c.total_outbufs_len for c in channels):
                return
            time.sleep(0.01)

    def _serve(self) -> None:
        """Go on after whatever happens: nobody could talk to the daemon, nor stop it in order."""
        while self._map:
            try:
                wasyncore.loop(timeout=1, map=self._map, use_poll=True)
            except BaseException:
                log.exception("control_loop_failed")
                self._app.stopping.wait(AFTER_FAILURE_SECONDS)


def _not_accepted() -> None:
    log.exception("control_connection_failed")


def _most_connections() -> int:
    """So many that half of the files which this process may have open are left for its work."""
    files, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    return CONNECTIONS if files == resource.RLIM_INFINITY else min(CONNECTIONS, files // 2)


def prepare_folder(path: Path) -> None:
    """Make the socket's private folder. Raises NoSocket where it is not safe to use."""
    if len(os.fsencode(path)) > LONGEST:
        raise NoSocket(f"{path} is longer than {LONGEST} bytes; set TESTIO_SOCKET_PATH")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = path.parent.stat()
    if folder.st_uid != os.getuid() or stat.S_IMODE(folder.st_mode) & 0o077:
        raise NoSocket(
            f"{path.parent} should belong to you and be closed to others; "
            f"mend it with: chmod 700 {path.parent}"
        )
    if path.is_symlink() or (path.exists() and not path.is_socket()):
        raise NoSocket(
            f"{path} is in the way and is not a socket; move it, or set TESTIO_SOCKET_PATH"
        )
