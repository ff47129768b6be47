"""Read-only handles that are kept for the next reader of the same process.

A fresh handle parses the whole schema before its first answer, which costs it more than the
answer: with a handle of its own for each question, a sync spent a sixth of its time there.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.engine.readonly import connect_readonly, named_failures

CACHE_KB = 256
"""Of each handle. There are as many as workers, and SQLite would give each 2 MB."""


class Readers:
    """The handles of one database. Thread-safe: each is with one reader at a time.

    A handle that waits holds no transaction, so it keeps no checkpoint from its work.
    """

    def __init__(self, path: Path, *, keeps: bool = True) -> None:
        """`keeps` false: each handle is closed after its one reading."""
        self._path = path
        self._keeps = keeps
        self._idle: deque[sqlite3.Connection] = deque()
        weakref.finalize(self, _close, self._idle)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One snapshot of the database. Raises StorageError where there is no usable database."""
        with named_failures(self._path):
            connection = self._take()
            try:
                connection.execute("BEGIN")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.close()
                raise
            if self._keeps:
                self._idle.append(connection)
            else:
                connection.close()

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            connection = connect_readonly(self._path)
            connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")
            return connection

    def close(self) -> None:
        """Close the handles that wait; one that is in use is closed with this object."""
        _close(self._idle)


def _close(idle: deque[sqlite3.Connection]) -> None:
    while idle:
        idle.pop().close()
