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
from queue import SimpleQueue
from types import FrameType

import structlog

from config.threads import lasting_thread
from service.exit_status import ExitStatus

log = structlog.get_logger("daemon")

LAST_RELOAD_SECONDS = 1.0


class Signals:
    """SIGTERM and SIGINT stop in order, a second one ends the process where it stands.

    SIGHUP reloads, unless it says that the terminal has gone away: that stops. SIGUSR1 logs what
    every thread is doing. A handler runs between two steps of the main thread, whatever locks that
    holds; so it only puts the signal's number into a queue that is made for it. One thread acts on
    them, another one reloads: however many signals come, one reload more follows the one at work.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._stopping = False
        self._had_terminal = _has_terminal()
        self._received: SimpleQueue[int | None] = SimpleQueue()
        self._reload_wanted = threading.Event()
        self._has_ended = threading.Event()
        self._can_reload = threading.Event()
        self._on_reload: Callable[[], None] = lambda: None

    def reload_with(self, reload: Callable[[], None]) -> None:
        """What SIGHUP does from now on; one that has come already is not forgotten."""
        self._on_reload = reload
        self._can_reload.set()

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle them inside the block, as before it afterwards."""
        acting = lasting_thread("testio-signals", self._act)
        reloading = lasting_thread("testio-reload", self._reload)
        acting.start()
        reloading.start()
        handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]] = {
            signal.SIGTERM: self._stop_in_order,
            signal.SIGINT: self._stop_in_order,
            signal.SIGHUP: self._take,
            signal.SIGUSR1: self._take,
        }
        previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handlers)  # one may wait since the start
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._received.put(None)
            self._has_ended.set()
            self._reload_wanted.set()
            self._can_reload.set()
            acting.join(LAST_RELOAD_SECONDS)
            reloading.join(LAST_RELOAD_SECONDS)

    def _stop_in_order(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            os._exit(ExitStatus.CANCELLED)
        self._stopping = True
        self._received.put(number)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        self._received.put(number)

    def _act(self) -> None:
        while (number := self._received.get()) is not None:
            if number == signal.SIGUSR1:
                _show_threads()
            elif number == signal.SIGHUP and not (self._had_terminal and not _has_terminal()):
                self._reload_wanted.set()
            else:
                self._stop.set()

    def _reload(self) -> None:
        while True:
            self._reload_wanted.wait()
            self._can_reload.wait()
            self._reload_wanted.clear()
            if self._has_ended.is_set():
                return
            try:
                self._on_reload()
            except Exception:
                log.exception("reload_failed")


def _show_threads() -> None:
    """It is not worth the thread that hears of a stop. Never raises."""
    try:
        log_threads()
    except BaseException:
        log.exception("threads_not_shown")


def log_threads() -> None:
    """One log line a thread, with its stack."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            stack = "".join(traceback.format_stack(frame)).rstrip()
            log.warning("thread_stack", thread_name=names.get(ident, str(ident)), stack=stack)


def _has_terminal() -> bool:
    """Whether the terminal that this process was started on is still there."""
    try:
        termios.tcgetattr(sys.stdin.fileno())
    except (termios.error, OSError, ValueError, AttributeError):
        return False
    return True
