"""Single keys from a terminal, and its other news: another size, a wish to suspend."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from contextlib import suppress
from types import TracebackType
from typing import Any

CLOSED = "closed"
SUSPEND = "suspend"
NEWS = {signal.SIGWINCH: b"w", signal.SIGTSTP: b"z"}


class Keyboard:
    """The terminal on stdin without echo, a key at a time, until left; then it is as it was.

    Where stdin is no terminal there are no keys. For the main thread, since it handles signals.
    """

    def __init__(self) -> None:
        self._stdin = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._before: list[Any] | None = None
        self._handlers: dict[int, Any] = {}
        self._pipe = (-1, -1)

    def __enter__(self) -> Keyboard:
        self._pipe = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number, word in NEWS.items():
            self._handlers[number] = signal.signal(number, lambda *_, word=word: self._tell(word))
        if self._stdin is not None:
            self._before = termios.tcgetattr(self._stdin)
            tty.setcbreak(self._stdin)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._stdin is not None and self._before is not None:
            with suppress(termios.error):  # the terminal has gone
                termios.tcsetattr(self._stdin, termios.TCSAFLUSH, self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for end in self._pipe:
            os.close(end)

    def read(self, seconds: float) -> str:
        """A key, CLOSED, or SUSPEND; an empty text after so many seconds, or for a new size."""
        sources = [self._pipe[0]] + ([] if self._stdin is None else [self._stdin])
        ready, _, _ = select.select(sources, [], [], seconds)
        if self._pipe[0] in ready:
            return SUSPEND if NEWS[signal.SIGTSTP] in os.read(self._pipe[0], 1024) else ""
        if not ready or self._stdin is None:
            return ""
        return _key_of(os.read(self._stdin, 64))

    def _tell(self, word: bytes) -> None:
        with suppress(BlockingIOError):  # so much news waits already that this changes nothing
            os.write(self._pipe[1], word)


def _key_of(data: bytes) -> str:
    """The last key of what was typed; sequences of arrows and function keys are none."""
    if not data:
        return CLOSED
    if data.startswith(b"\x1b"):
        return ""
    return data.decode(errors="replace")[-1].lower()
