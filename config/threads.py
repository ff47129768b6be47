"""Threads that much depends on: what ends one is told in the log, and it begins again.

Python drops SystemExit in a thread without a word, and writes anything else to stderr past the
log; the rest of the process would go on without that thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import structlog

log = structlog.get_logger(__name__)

NONE_TO_BE_HAD = "can't start new thread"
"""What Python says, with an exception of no kind of its own."""


class NoThread(Exception):
    """The system gives this user no more threads; the text says what to do."""

    def __init__(self) -> None:
        super().__init__(
            "the system starts no more threads: the limit on this user's processes is reached "
            "(ulimit -u; TasksMax of a service). Raise it, or end other processes"
        )


def is_no_thread(error: BaseException) -> bool:
    """Whether a thread could not be started, whoever wanted it."""
    return isinstance(error, NoThread) or (
        isinstance(error, RuntimeError) and str(error) == NONE_TO_BE_HAD
    )


PAUSES = (0.1, 1.0, 5.0)
"""Seconds until it begins again; the last holds for all that follow."""


def lasting_thread(name: str, run: Callable[[], None]) -> threading.Thread:
    """A daemon thread that runs until `run` returns. `run` must be able to begin anew."""
    return threading.Thread(target=partial(_last, name, run), name=name, daemon=True)


def _last(name: str, run: Callable[[], None]) -> None:
    failures = 0
    while True:
        try:
            run()
        except BaseException:
            log.exception("thread_failed", thread_name=name)
        else:
            return
        time.sleep(PAUSES[min(failures, len(PAUSES) - 1)])
        failures += 1
