"""What the daemon does on a signal: stop, read its configuration again, show its threads."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

from service.exit_status import ExitStatus

log = structlog.get_logger("daemon")


class Signals:
    """SIGTERM and SIGINT stop in order, a second one ends the process where it stands.

    SIGHUP reloads, unless it says that the terminal has gone away: that stops. SIGUSR1 logs what
    every thread is doing. Handlers run between two steps of the main thread, so whatever may wait
    or take a lock is done on a thread of its own.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._stopping = False
        self._had_terminal = _has_terminal()
        self.on_reload: Callable[[], None] = lambda: None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle them inside the block, as before it afterwards."""
        handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
            signal.SIGTERM: self._stop_in_order,
            signal.SIGINT: self._stop_in_order,
            signal.SIGHUP: self._hang_up,
            signal.SIGUSR1: self._show_threads,
        }
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _stop_in_order(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            os._exit(ExitStatus.CANCELLED)
        self._stopping = True
        self._stop.set()

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        if self._had_terminal and not _has_terminal():
            self._stop_in_order(number, frame)
        elif not self._stopping:
            threading.Thread(target=self.on_reload, name="testio-reload", daemon=True).start()

    def _show_threads(self, _number: int, _frame: FrameType | None) -> None:
        threading.Thread(target=log_threads, name="testio-stacks", daemon=True).start()


def log_threads() -> None:
    """One log line a thread, with its stack."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            stack = "".join(traceback.format_stack(frame)).rstrip()
            log.warning("thread_stack", thread=names.get(ident, str(ident)), stack=stack)


def _has_terminal() -> bool:
    """Whether the terminal that this process was started on is still there."""
    try:
        termios.tcgetattr(sys.stdin.fileno())
    except (termios.error, OSError, ValueError, AttributeError):
        return False
    return True
