"""Reads systemd's journal by its own program, which knows its files and who may read them."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from config.children import passed_on

QUIET_SECONDS = 0.5
EVERYTHING = "all"


class NoJournal(Exception):
    """The journal cannot be read; the text says why."""


class JournalTail:
    """The lines of one unit, or of all that one process wrote."""

    def __init__(self, match: list[str]) -> None:
        self._match = match
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""

    def last(
        self, count: int, wanted: Callable[[str], bool], *, searches: bool, follow: bool
    ) -> list[str]:
        """The last `count` wanted lines; `poll` goes on after them if `follow` is set.

        `searches`: not every line is wanted, so that all have to be looked at. Raises NoJournal.
        """
        lines = EVERYTHING if searches else str(count)
        words = ["--output=cat", "--no-pager", *self._match, f"--lines={lines}"]
        self._process = _started([*words, "--follow"] if follow else words)
        kept: deque[str] = deque(maxlen=count)
        give_up_at = time.monotonic() + QUIET_SECONDS
        while not follow or time.monotonic() < give_up_at:
            found = self.poll()
            kept.extend(line for line in found if wanted(line))
            if found:
                give_up_at = time.monotonic() + QUIET_SECONDS
            if self.has_ended:
                break
        return list(kept)

    @property
    def has_ended(self) -> bool:
        """Whether journalctl has, and all that it wrote was read."""
        return self._process is None

    def poll(self) -> list[str]:
        """The lines that have come, waiting a moment for them."""
        if self._process is None or self._process.stdout is None:
            return []
        output = self._process.stdout.fileno()
        if not select.select([output], [], [], 0.1)[0]:
            return []
        data = os.read(output, 1 << 20)
        if not data:
            self.close()
            return [self._rest.decode(errors="replace")] if self._rest else []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode("utf-8", errors="replace") for line in lines]

    def close(self) -> None:
        """End journalctl, if it still runs."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        process.wait(timeout=5)
        if process.stdout is not None:
            process.stdout.close()


def _started(words: list[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # nosec B603 B607 # our words, the user's PATH
            ["journalctl", *words],
            env=passed_on(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise NoJournal(f"the log is in systemd's journal, but journalctl: {error}") from error
