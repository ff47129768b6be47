"""Starts the command line as real processes, cheaply: forked from one that has loaded it already.

Loading costs 0.3 to 0.6 seconds of a core, and the tests start hundreds of processes. What is
started here has its own pid, environment, folder and streams, is signalled and killed like any
other, and runs `cli.main.main` from the beginning; only the loading is shared. The demo loads
everything itself, and so do the examples of docs/guide in `.ci/run`.

`python -m tests.launcher SOCKET` is the process that forks: one thread, no open database.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

ROOT = Path(__file__).parents[1]
OURS = ("cli", "service", "control", "storage", "testio", "actors", "config", "rules", "simulator")
OTHERS = (
    *("encodings", "rich", "alembic", "shtab", "sqlalchemy.dialects.sqlite"),
    *("filelock", "dataset"),
)
PROGRAMS = tuple(f"{name}.__main__" for name in (*OURS, *OTHERS))
NOT_LOADED = (*PROGRAMS, "service.export.parquet_file", "storage.migrations.env")
"""What runs when it is loaded; pyarrow starts threads."""
SHARED = "TESTS_LAUNCHER"
"""The environment's name for the socket of a launcher that all test processes use."""
LONGEST = 1 << 20


class Launched:
    """One process; as much of `subprocess.Popen[str]` as the tests use."""

    def __init__(self, args: list[str], connection: socket.socket, pipes: list[IO[str]]) -> None:
        self.args = args
        self.stdout, self.stderr = pipes
        self.returncode: int | None = None
        self._connection = connection
        self._lock = threading.Lock()
        with connection.makefile("rb", buffering=0) as said:  # its end may be told already
            self.pid = int(said.readline())

    def poll(self) -> int | None:
        """The exit status; None while it runs."""
        return self._status(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises TimeoutExpired."""
        status = self._status(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return status

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it has printed, once it has ended. Raises TimeoutExpired."""
        read: dict[str, str] = {"stdout": "", "stderr": ""}

        def drain(name: str, stream: IO[str]) -> None:
            if not stream.closed:
                read[name] = stream.read()

        streams = (("stdout", self.stdout), ("stderr", self.stderr))
        threads = [threading.Thread(target=drain, args=each, daemon=True) for each in streams]
        for thread in threads:
            thread.start()
        self.wait(timeout)
        for thread in threads:
            thread.join(timeout)
        if any(thread.is_alive() for thread in threads):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return read["stdout"], read["stderr"]

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has ended, and its parent knows before we do
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it where it stands."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _status(self, timeout: float | None) -> int | None:
        with self._lock:
            if self.returncode is None:
                ready, _, _ = select.select([self._connection], [], [], timeout)
                if ready:
                    self.returncode = int(self._connection.recv(64) or b"-9")
                    self._connection.close()
            return self.returncode


def launch(
    words: list[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    stdin: int,
    inside: str | None = None,
) -> Launched:
    """Start `testio-sync WORDS`; what it prints is to be read.

    `inside`: functions that the process calls first, each as `module:function` and its arguments,
    which are texts, with spaces between them; a semicolon stands between two.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(launcher())
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    source = os.open(os.devnull, os.O_RDONLY) if stdin == subprocess.DEVNULL else os.dup(stdin)
    given = {"words": words, "env": dict(env), "cwd": str(cwd), "inside": inside}
    order = json.dumps(given).encode()
    sent = [source, out_write, err_write]
    socket.send_fds(connection, [len(order).to_bytes(4, "big")], sent)
    connection.sendall(order)
    for descriptor in sent:
        os.close(descriptor)
    pipes = [open(end, encoding="utf-8", errors="replace") for end in (out_read, err_read)]  # noqa: SIM115
    return Launched(["testio-sync", *words], connection, list(pipes))


@cache
def launcher() -> str:
    """The socket of the launcher that all test processes share, or of this one's own."""
    return os.environ.get(SHARED) or start_launcher()


def start_launcher() -> str:
    """Start one that ends with this process; the path of its socket."""
    folder = tempfile.mkdtemp(prefix="launcher-")
    path = f"{folder}/socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.launcher", path],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n", "the launcher did not come up"

    def end() -> None:
        process.kill()
        process.wait()
        Path(path).unlink(missing_ok=True)
        Path(folder).rmdir()

    atexit.register(end)
    return path


# -- the process that forks --------------------------------------------------------------------


def _load() -> None:
    """All that a command may come to load: some may not look into Python's folder any more."""
    for package in (*OURS, *OTHERS):
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}.", _no_module):
            if module.name.startswith(NOT_LOADED):
                continue
            with nullcontext() if package in OURS else suppress(Exception):
                importlib.import_module(module.name)
    gc.collect()
    gc.freeze()  # no process looks through all of this again


def _no_module(_name: str) -> None:
    """Some that lie in a folder are none to import."""


def _serve(path: str) -> None:
    """Fork for each connection, and tell on it the pid and then the exit status."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    print("ready", flush=True)  # who comes early waits for the rest
    _load()
    running: dict[int, Running] = {}
    bound: dict[int, int] = {}  # connections whose end is that of a process: the process's handle
    while True:
        ready, _, _ = select.select([listener.fileno(), *running, *bound], [], [])
        for each in ready:
            if each == listener.fileno():
                started, is_bound = _start(listener, running)
                running[started.handle] = started
                if is_bound:
                    bound[started.connection.fileno()] = started.handle
            elif each in running:
                ended = running.pop(each)
                bound.pop(ended.connection.fileno(), None)
                _tell_end(ended)
            elif each in bound:
                signal.pidfd_send_signal(bound.pop(each), signal.SIGKILL)


class Running(NamedTuple):
    """A process that was forked: its pidfd, its pid, and whom to tell of its end."""

    handle: int
    pid: int
    connection: socket.socket


def _start(listener: socket.socket, running: Mapping[int, Running]) -> tuple[Running, bool]:
    connection, _ = listener.accept()
    head, descriptors, _flags, _address = socket.recv_fds(connection, 4, 3)
    order = b""
    while len(order) < int.from_bytes(head, "big"):
        order += connection.recv(LONGEST)
    assert len(os.listdir("/proc/self/task")) == 1, "what is loaded has started a thread"
    pid = os.fork()  # noqa: TID251 -- one thread
    if pid == 0:
        for other in running.values():
            os.close(other.handle)
            other.connection.close()
        listener.close()
        connection.close()
        _become(json.loads(order), descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    connection.sendall(b"%d\n" % pid)
    is_bound = bool(json.loads(order).get("bound"))
    return Running(os.pidfd_open(pid), pid, connection), is_bound


def _tell_end(ended: Running) -> None:
    _, status = os.waitpid(ended.pid, 0)
    os.close(ended.handle)
    try:
        ended.connection.sendall(b"%d" % os.waitstatus_to_exitcode(status))
    except OSError:
        pass  # who started it has gone
    finally:
        ended.connection.close()


def _become(order: dict[str, object], descriptors: list[int]) -> None:
    """Be that command, in the forked process. Never returns."""
    status = 1
    try:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        _open_streams()
        os.environ.clear()
        os.environ.update(order["env"])  # type: ignore[call-overload]
        tempfile.tempdir = None  # what was loaded has found the launcher's
        os.chdir(str(order["cwd"]))
        random.seed()
        for number in order.get("ignored", ()):  # type: ignore[attr-defined]
            signal.signal(number, signal.SIG_IGN)
        sys.argv = ["testio-sync", *order["words"]]  # type: ignore[misc]
        _prepare(order.get("inside"))
        status = _main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(status)


def _open_streams() -> None:
    """Those of Python know what the launcher's own were like."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115


def _prepare(inside: object) -> None:
    """Do first what a test wants done in this process."""
    for each in str(inside or "").split(";"):
        place, *values = each.split() or [""]
        module, _, function = place.partition(":")
        if module:
            getattr(importlib.import_module(module), function)(*values)


def _main() -> int:
    from cli.main import main

    return main()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _serve(sys.argv[1])
