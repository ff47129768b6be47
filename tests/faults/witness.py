"""Who watches a daemon while something is done to it: its socket, its log, what it holds."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ASK = b"GET /v1/status HTTP/1.1\r\nHost: testio-sync\r\nConnection: close\r\n\r\n"
BETWEEN_SECONDS = 0.1
LONGEST_ANSWER = 10.0


class Tap:
    """Reads a stream to its end, so that who writes it never waits; keeps every line."""

    def __init__(self, stream: IO[str]) -> None:
        self.lines: list[str] = []
        self._stream = stream
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        for line in self._stream:
            self.lines.append(line)

    def close(self) -> None:
        """Wait for the end of the stream, which is that of its process."""
        self._thread.join(10.0)
        self._stream.close()

    @property
    def text(self) -> str:
        """All so far."""
        return "".join(list(self.lines))


class Witness:
    """Asks the daemon for its status again and again; `slowest` is the longest it took.

    The time that this very process was kept from running is not the daemon's: it is measured
    beside each answer, and taken off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.slowest = 0.0
        self.unanswered: list[str] = []
        self.answers = 0
        self._end = threading.Event()
        self._looking_away = threading.Event()
        self._lag = 0.0
        self._threads = [
            threading.Thread(target=run, daemon=True) for run in (self._watch, self._keep_time)
        ]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """While the daemon cannot answer, because it does not run."""
        self._looking_away.set()
        try:
            yield
        finally:
            self._looking_away.clear()

    def close(self) -> None:
        """Watch no more."""
        self._end.set()
        for thread in self._threads:
            thread.join(LONGEST_ANSWER + 1)

    def _keep_time(self) -> None:
        while not self._end.is_set():
            began = time.monotonic()
            time.sleep(0.02)
            self._lag = max(self._lag, time.monotonic() - began - 0.02)

    def _watch(self) -> None:
        while not self._end.wait(BETWEEN_SECONDS):
            if self._looking_away.is_set():
                continue
            self._lag, began, said = 0.0, time.monotonic(), self._ask()
            took = time.monotonic() - began - self._lag
            if self._end.is_set() or self._looking_away.is_set():
                continue
            if said:
                self.unanswered.append(said)
            else:
                self.answers += 1
                self.slowest = max(self.slowest, took)

    def _ask(self) -> str:
        """One question; what went wrong, empty if nothing."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
                asking.settimeout(LONGEST_ANSWER)
                asking.connect(str(self._path))
                asking.sendall(ASK)
                answer = b""
                while piece := asking.recv(1 << 16):
                    answer += piece
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        return "" if answer.startswith(b"HTTP/1.1 200 ") else f"answered {answer[:80]!r}"


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a process holds of the machine."""

    threads: int
    files: tuple[str, ...]
    sockets: int
    children: tuple[int, ...]
    resident_kb: int


def holdings(pid: int) -> Holdings:
    """Of a running process."""
    root = Path(f"/proc/{pid}")
    files, sockets = [], 0
    for handle in os.listdir(root / "fd"):
        try:
            target = os.readlink(root / "fd" / handle)
        except OSError:
            continue
        if target.startswith("socket:"):
            sockets += 1
        else:
            files.append(target)
    status = dict(
        line.split(":", 1) for line in (root / "status").read_text().splitlines() if ":" in line
    )
    return Holdings(
        threads=int(status["Threads"]),
        files=tuple(sorted(files)),
        sockets=sockets,
        children=children_of(pid),
        resident_kb=int(status["VmRSS"].split()[0]),
    )


def children_of(pid: int) -> tuple[int, ...]:
    """The pids of a process's children, those of its threads among them."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            found += [int(word) for word in (task / "children").read_text().split()]
        except OSError:
            continue
    return tuple(sorted(found))


def with_mark(mark: str) -> list[int]:
    """Processes whose environment holds `mark`: those that a trial has started, and theirs."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark.encode() in environment:
                found.append(int(entry.name))
    return found
