"""A stay of `watch` on the terminal: looks twice a second, draws, and does what keys say."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress

from rich.console import Console, ConsoleDimensions, Group
from rich.screen import Screen

from cli.live.keys import CLOSED, SUSPEND, Keyboard
from cli.live.look import Look
from cli.live.watch_actions import Actions
from cli.live.watch_screen import draw
from cli.live.watch_state import Watcher

POLL_SECONDS = 0.5
MESSAGE_SECONDS = 4.0


class Session:
    """What is on the screen beside the snapshot: help, a question, a message."""

    def __init__(self, console: Console, watcher: Watcher, actions: Actions) -> None:
        self._console = console
        self._watcher = watcher
        self._actions = actions
        self._snapshot = watcher.look()
        self._shows_help = False
        self._asks_for: int | None = None
        self._message, self._message_until = "", 0.0

    def run(self, keyboard: Keyboard) -> str:
        """Stay until the person leaves; returns `q`, CLOSED or SUSPEND."""
        look_at = time.monotonic() + POLL_SECONDS
        while True:
            self._show()
            key = keyboard.read(max(0.0, look_at - time.monotonic()))
            if key in (CLOSED, SUSPEND) or (key == "q" and self._asks_for is None):
                return key
            self._press(key)
            if key or time.monotonic() >= look_at:
                self._snapshot = self._watcher.look()
                look_at = time.monotonic() + POLL_SECONDS

    def _show(self) -> None:
        self._console.size = size = _terminal_size()
        look = Look(
            width=size.width, height=size.height, ascii_only=self._console.options.ascii_only
        )
        lines = draw(
            self._snapshot, look, message=self._shown_message(), show_help=self._shows_help
        )
        self._console.print(Screen(Group(*lines), application_mode=True), end="")

    def _shown_message(self) -> str:
        if self._asks_for is not None:
            return f"cancel run {self._asks_for}? y/n"
        return self._message if time.monotonic() < self._message_until else ""

    def _press(self, key: str) -> None:
        if self._asks_for is not None:
            self._answer(key)
        elif key in ("?", "h"):
            self._shows_help = not self._shows_help
        elif key == "s":
            self._say(self._actions.sync())
        elif key == "p":
            live = self._snapshot.live
            is_paused = live is not None and live.paused
            self._say(self._actions.resume() if is_paused else self._actions.pause())
        elif key == "c":
            self._ask_whether_to_cancel()

    def _ask_whether_to_cancel(self) -> None:
        live = self._snapshot.live
        if live is None or live.current_run is None:
            self._say("the daemon has no run at work")
        else:
            self._asks_for = live.current_run.run_id

    def _answer(self, key: str) -> None:
        """Cancels only the run that was asked about: another one may have begun meanwhile."""
        if not key:
            return
        asked_for, self._asks_for = self._asks_for, None
        self._snapshot = self._watcher.look()
        live = self._snapshot.live
        if key != "y":
            self._say("nothing was cancelled")
        elif live is None or live.current_run is None or live.current_run.run_id != asked_for:
            self._say(f"run {asked_for} has ended already")
        else:
            self._say(self._actions.cancel())

    def _say(self, message: str) -> None:
        self._message, self._message_until = message, time.monotonic() + MESSAGE_SECONDS


def _terminal_size() -> ConsoleDimensions:
    """As it is now. COLUMNS and LINES, which rich goes by, stay what they were at the start."""
    with suppress(OSError):
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
        if columns and lines:
            return ConsoleDimensions(columns, lines)
    return ConsoleDimensions(80, 24)
