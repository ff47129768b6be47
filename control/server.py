"""Serves the control API on a Unix socket, from threads of waitress in the daemon's process.

Nobody but the daemon's user can connect: the socket is 0600 in a folder 0700. Binding would
silently replace a live socket, so whoever binds is alone in the folder and asks first whether
anybody listens.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog
from waitress import wasyncore
from waitress.server import create_server

from control.app import ControlApp, Served
from control.paths import LONGEST, is_blocked

THREADS = 8
MAX_BODY_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
IDLE_SECONDS = 5
LAST_ANSWERS_SECONDS = 0.5
CONNECTIONS = 1200
"""At most; those beyond wait until others have been quiet for IDLE_SECONDS."""
LEAST_CONNECTIONS = 4
FILES_OF_DAEMON, FILES_OF_WORKER, FILES_OF_ANSWERS = 24, 4, 48
"""Files open at once, as measured, with some to spare: streams, database and sockets; a worker's
connection, twice, and its reader's two; the readers of those who answer, and who fetch for them."""
OF_THE_SERVER = 2
"""What waitress counts among the connections: the socket itself, and what wakes its thread."""
FULL_AGAIN_SECONDS = 60.0
BACKLOG = 1024
LOOK_SECONDS = 1.0
"""Between two looks whether the socket is still in its place."""
PROBE_SECONDS = 1.0
ALONE_SECONDS = 5.0
AFTER_FAILURE_SECONDS = 0.1
"""What fails at once again is not to keep a core busy."""

log = structlog.get_logger(__name__)


class NoSocket(Exception):
    """The control socket cannot be bound; the text says why and what to do."""


class ControlServer:
    """The socket and its threads, from `start` to `stop`. Raises NoSocket.

    A socket that somebody removes meanwhile is made again; one in its place is left alone.
    """

    def __init__(
        self,
        path: Path,
        handlers: object,
        served: Served | None = None,
        workers: Callable[[], int] = lambda: 0,
    ) -> None:
        """`served`: requests that are meant for another database are refused. `workers`: how many
        there are, whose files come before those of clients."""
        self.path = path
        self._app = ControlApp(handlers, served)
        self._bound_as: os.stat_result | None = None
        self._binding = threading.Lock()
        self._workers = workers
        self._next_look = 0.0
        self._full_told_at = -FULL_AGAIN_SECONDS
        self._is_lost = False
        self._map: dict[int, Any] = {}
        self._server: Any = None  # the stubs of waitress lack what stopping it needs
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Bind and serve. What a killed daemon has left is replaced, a live socket never."""
        try:
            prepare_folder(self.path)
            with _alone_in(self.path.parent):
                refuse_live(self.path)
                self._server = self._bound()
                self._bound_as = self.path.stat()
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
            connection_limit=most_connections(self._workers()) + OF_THE_SERVER,
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
        with self._binding:  # while it still listens, nobody else's can be in its place
            if self._is_in_place():
                self.path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another pull may have run this thunk already
            server.trigger.pull_trigger(lambda: wasyncore.close_all(self._map))
        self._thread.join(timeout=2.0)
        server.task_dispatcher.shutdown(timeout=1)

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
                wasyncore.loop(timeout=1, map=self._map, use_poll=True, count=1)
                self._look_after_connections()
                self._look_after_socket()
            except BaseException:
                log.exception("control_loop_failed")
                self._app.stopping.wait(AFTER_FAILURE_SECONDS)

    def _look_after_connections(self) -> None:
        """There may be more workers than before; and whoever has to wait is not told by us."""
        server, now = self._server, time.monotonic()
        if server is None:
            return
        most = most_connections(self._workers())
        server.adj.connection_limit = most + OF_THE_SERVER
        if server.in_connection_overflow and now - self._full_told_at > FULL_AGAIN_SECONDS:
            self._full_told_at = now
            log.warning(
                "control_connections_full",
                connections=most,
                open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
                advice="others wait; end clients that stay connected, or raise the limit of open "
                "files (ulimit -n; LimitNOFILE of a service)",
            )

    def _look_after_socket(self) -> None:
        """Make the socket again where it was removed: nobody could stop the daemon in order."""
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK_SECONDS
        with self._binding:
            if self._app.stopping.is_set() or self._is_in_place():
                return
            try:
                self._bind_again()
            except (OSError, NoSocket) as error:
                if not self._is_lost:
                    log.error("control_socket_lost", socket=str(self.path), error=str(error))
                self._is_lost = True
            else:
                log.warning("control_socket_made_again", socket=str(self.path))
                self._is_lost = False

    def _is_in_place(self) -> bool:
        try:
            return self._bound_as is not None and os.path.samestat(
                self.path.lstat(), self._bound_as
            )
        except OSError:
            return False

    def _bind_again(self) -> None:
        """Put a new socket under the same server; connections stay."""
        prepare_folder(self.path)
        made = socket.socket(socket.AF_UNIX)
        try:
            with _alone_in(self.path.parent):
                refuse_live(self.path)
                self.path.unlink(missing_ok=True)
                made.setblocking(False)
                made.bind(str(self.path))
                self.path.chmod(0o600)
                made.listen(BACKLOG)
                self._bound_as = self.path.lstat()
        except BaseException:
            made.close()
            raise
        self._server.del_channel()
        self._server.socket.close()
        self._server.set_socket(made)


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Between the look and the binding nobody else binds. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    give_up_at = time.monotonic() + ALONE_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(AFTER_FAILURE_SECONDS)
        yield
    finally:
        os.close(descriptor)


def refuse_live(path: Path) -> None:
    """Raise NoSocket where somebody listens on the socket; one that is left behind is refused."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return
        except OSError:
            pass  # its queue is full, for one: somebody lives
    raise NoSocket(
        f"another daemon listens on {path}; each database needs a TESTIO_SOCKET_PATH of its own"
    )


def _not_accepted() -> None:
    log.exception("control_connection_failed")


def most_connections(workers: int) -> int:
    """So many that what the daemon's own work needs of open files is left for it."""
    files, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return CONNECTIONS
    own = FILES_OF_DAEMON + FILES_OF_WORKER * workers + FILES_OF_ANSWERS
    return min(CONNECTIONS, max(LEAST_CONNECTIONS, files - own))


def prepare_folder(path: Path) -> None:
    """Make the socket's private folder. Raises NoSocket where it is not safe to use."""
    if len(os.fsencode(path)) > LONGEST:
        raise NoSocket(f"{path} is longer than {LONGEST} bytes; set TESTIO_SOCKET_PATH")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = path.parent.stat()
    if folder.st_uid != os.getuid():
        raise NoSocket(
            f"{path.parent} belongs to another user (uid {folder.st_uid}); have it removed by that "
            f"user or root (rm -r {path.parent}), or set TESTIO_SOCKET_PATH"
        )
    if stat.S_IMODE(folder.st_mode) & 0o077:
        raise NoSocket(
            f"{path.parent} should be closed to others; mend it with: chmod 700 {path.parent}"
        )
    if is_blocked(path):
        raise NoSocket(
            f"{path} is in the way and is not a socket; move it, or set TESTIO_SOCKET_PATH"
        )
