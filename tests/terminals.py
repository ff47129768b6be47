"""A program on a terminal of its own, as a person has it before them."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.tools import lacking

TIMEOUT = 30.0
MAKE_IT_OURS = ': < "$0"; exec "$@"'
"""The first terminal that a new session opens steers it: Ctrl-C and /dev/tty need that."""
CONTROLS = re.compile(r"\x1b(\[[0-9;?<>=]*[a-zA-Z]|\][^\x07]*\x07|[=>])")


class Terminal:
    """What a program shows on its terminal, and a keyboard. `raw`: with all that steers it."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self.shown = ""
        self.raw = b""
        self._descriptor = descriptor
        self._read_to = 0

    def expect(self, text: str) -> str:
        """Wait for a text that is new since the last one; everything up to it."""
        give_up_at = time.monotonic() + TIMEOUT
        while (found := self.shown.find(text, self._read_to)) < 0:
            left = give_up_at - time.monotonic()
            assert left > 0, f"{text!r} was not shown within {TIMEOUT} s:\n{self.shown}"
            assert self._receive(left), f"it ended without {text!r}:\n{self.shown}"
        before = self.shown[self._read_to : found]
        self._read_to = found + len(text)
        return before

    def type(self, text: str) -> None:
        """Type something; Ctrl-C is \\x03, Ctrl-D \\x04, Tab \\t."""
        os.write(self._descriptor, text.encode())

    def end(self) -> int:
        """Wait for the program's end; its exit status."""
        while self._receive(TIMEOUT):
            pass
        return self.process.wait(timeout=TIMEOUT)

    def _receive(self, seconds: float) -> bool:
        """Take in what is shown next; False at the end."""
        if not select.select([self._descriptor], [], [], seconds)[0]:
            return True
        try:
            chunk = os.read(self._descriptor, 65_536)
        except OSError:  # Linux says so when the other side has gone
            return False
        self.raw += chunk
        self.shown += CONTROLS.sub("", chunk.decode(errors="replace")).replace("\r\n", "\n")
        return bool(chunk)


@contextmanager
def on_a_terminal(
    words: list[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    size: tuple[int, int] | None = None,
) -> Iterator[Terminal]:
    """Run a program on a new terminal of this size, in rows and columns; it ends with the block."""
    ours, theirs = open_terminal()
    if size is not None:
        termios.tcsetwinsize(theirs, size)
    process = subprocess.Popen(
        ["sh", "-c", MAKE_IT_OURS, os.ttyname(theirs), *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**environment, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        os.close(ours)


def open_terminal() -> tuple[int, int]:
    """A new terminal: our end and its own. Without any the test is skipped, or fails on CI."""
    try:
        return pty.openpty()
    except OSError as error:
        lacking(f"a terminal, and this machine has none (/dev/pts): {error}")
