"""What the verbs that go on until they are ended share: waiting, and ending without a trace."""

from __future__ import annotations

import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end like Ctrl-C does: in order, with status 130."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def wait(seconds: float) -> None:
    """Sleep. Raises BrokenPipeError as soon as nobody reads our output any more.

    Else `… --follow | head -1` would stay until the next line has to be written.
    """
    poller = select.poll()
    poller.register(sys.stdout, 0)  # errors and hang-ups are always told
    if poller.poll(seconds * 1000):
        raise BrokenPipeError


def note(text: str) -> None:
    """A word to the person, beside the output."""
    print(f"testio-sync: {text}", file=sys.stderr, flush=True)
