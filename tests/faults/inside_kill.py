"""Dying by SIGKILL at a chosen step of the database, from inside the process.

Each function is named in `Trial.start(..., inside="tests.faults.inside_kill:NAME ARGUMENTS")`.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from typing import Any

AT_COMMIT = f"{__name__}:kill_at_commit"
AT_STATEMENT = f"{__name__}:kill_at_statement"


def kill_at_commit(number: str, moment: str) -> None:
    """Die `before` or `after` the commit with this number, counted from 1 over all connections."""
    left, lock = int(number), threading.Lock()

    def is_last(connection: sqlite3.Connection) -> bool:
        nonlocal left
        with lock:
            left -= connection.in_transaction
            is_it = connection.in_transaction and left == 0
        if is_it and moment == "before":
            _die()
        return is_it

    class Connection(sqlite3.Connection):
        def __exit__(self, *error: Any) -> Any:
            dies = error[0] is None and is_last(self)
            result = super().__exit__(*error)
            if dies:
                _die()
            return result

        def commit(self) -> None:
            """What SQLAlchemy calls, for the steps of the schema."""
            dies = is_last(self)
            super().commit()
            if dies:
                _die()

    _connect_with(Connection)


def kill_at_statement(number: str, milliseconds: str, *words: str) -> None:
    """Die when the statement that begins with `words` comes for this time, or so much later."""
    left, lock, beginning = int(number), threading.Lock(), " ".join(words)

    def look(statement: str) -> None:
        nonlocal left
        if statement.startswith(beginning):
            with lock:
                left -= 1
                is_last = left == 0
            if is_last and float(milliseconds) > 0:
                threading.Thread(target=_die, args=(float(milliseconds),), daemon=True).start()
            elif is_last:
                _die()

    class Connection(sqlite3.Connection):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            self.set_trace_callback(look)

    _connect_with(Connection)


def _connect_with(factory: type[sqlite3.Connection]) -> None:
    connect = sqlite3.connect

    def connect_watched(*given: Any, **named: Any) -> sqlite3.Connection:
        named.setdefault("factory", factory)
        made: sqlite3.Connection = connect(*given, **named)
        return made

    sqlite3.connect = connect_watched  # type: ignore[assignment]


def _die(milliseconds: float = 0.0) -> None:
    time.sleep(milliseconds / 1000)
    os.kill(os.getpid(), signal.SIGKILL)
