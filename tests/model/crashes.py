"""A process that dies at a chosen commit: nothing after it reaches the disk."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

from rules.records import Page, Stored
from rules.run.events import Entry
from storage.engine.errors import StorageError
from storage.writes.mirror_rows import MirrorRows
from storage.writes.sync_log import SyncLog


class Crash:
    """Counts commits; from the chosen one on nothing is written any more. Thread-safe."""

    def __init__(self, at_commit: int | None, *, after: bool) -> None:
        self._left = at_commit
        self._after = after
        self._lock = threading.Lock()
        self.happened = threading.Event()

    def before_commit(self) -> None:
        """Raise if the process is dead, or dies just before this commit."""
        with self._lock:
            if self._left is not None and self._left <= 0 and not self._after:
                self.happened.set()
            if self.happened.is_set():
                raise StorageError("the process is dead")

    def after_commit(self) -> None:
        """Raise if the process dies just after this commit: it is done, but nobody hears of it."""
        with self._lock:
            if self._left is None:
                return
            self._left -= 1
            if self._after and self._left < 0:
                self.happened.set()
                raise StorageError("the process is dead")


class CrashingMirror:
    """Writes pages until the crash."""

    def __init__(self, mirror: MirrorRows, crash: Crash) -> None:
        self._mirror, self._crash = mirror, crash

    def store_page(self, page: Page, *, run_id: int, at: datetime) -> Stored:
        self._crash.before_commit()
        stored = self._mirror.store_page(page, run_id=run_id, at=at)
        self._crash.after_commit()
        return stored

    def store_pages(self, pages: Sequence[Page], *, at: datetime) -> tuple[Stored, ...] | None:
        self._crash.before_commit()
        stored = self._mirror.store_pages(pages, at=at)
        if stored is not None:
            self._crash.after_commit()
        return stored


class CrashingEvents:
    """Writes events until the crash."""

    def __init__(self, events: SyncLog, crash: Crash) -> None:
        self._events, self._crash = events, crash

    def write(self, entries: Sequence[Entry]) -> frozenset[int]:
        self._crash.before_commit()
        ended = self._events.write(entries)
        self._crash.after_commit()
        return ended
