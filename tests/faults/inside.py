"""What is done inside a process before it begins: the faults that cannot come from outside.

Each function is named in `Trial.start(..., inside="tests.faults.inside:NAME ARGUMENTS")`.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from base64 import b64encode
from functools import partial
from pathlib import Path
from typing import Any

from service import remote_client
from testio import client
from testio.limits import Breaker
from testio.transport import TransportOptions

SHORT_PAUSES = f"{__name__}:short_pauses"


def short_pauses() -> None:
    """Hold back for tenths of seconds where the client holds back for seconds."""
    init = Breaker.__init__

    def short(self: Breaker, **given: Any) -> None:
        init(self, **({"patience": 1.0, "first_pause": 0.1, "longest_pause": 1.0} | given))

    Breaker.__init__ = short  # type: ignore[method-assign]
    quick = partial(TransportOptions, first_pause_seconds=0.02, longest_pause_seconds=0.2)
    setattr(remote_client, "TransportOptions", quick)  # noqa: B010 (it is no name to export)


def kill_at_commit(number: str, moment: str) -> None:
    """Die by SIGKILL `before` or `after` the commit with this number, counted from 1."""
    left, lock = int(number), threading.Lock()

    class Connection(sqlite3.Connection):
        def __exit__(self, *error: Any) -> Any:
            nonlocal left
            is_commit = error[0] is None and self.in_transaction
            with lock:
                left -= is_commit
                is_last = is_commit and left == 0
            if is_last and moment == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            result = super().__exit__(*error)
            if is_last:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

    connect = sqlite3.connect

    def connect_counting(*given: Any, **named: Any) -> sqlite3.Connection:
        named.setdefault("factory", Connection)
        made: sqlite3.Connection = connect(*given, **named)
        return made

    sqlite3.connect = connect_counting  # type: ignore[assignment]


def fail_with_the_token(marker: str) -> None:
    """Every listing of tests fails with the token in its error, while there is a file `marker`."""
    listing = client.TestioClient.list_tests

    def fails(self: client.TestioClient, *given: Any, **named: Any) -> Any:
        if Path(marker).exists():
            token = os.environ["TESTIO_CUSTOMER_API_TOKEN"]
            header = {"Authorization": f"Token {token}", "Cookie": b64encode(token.encode())}
            raise RuntimeError(f"a bug, with {header}")
        return listing(self, *given, **named)

    client.TestioClient.list_tests = fails  # type: ignore[method-assign]
