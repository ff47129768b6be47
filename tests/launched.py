"""A program that is started as any other, and has `tests/launcher.py` do its work: loaded quickly.

`python -IS tests/launched.py SOCKET WORDS` stands for `testio-sync WORDS`: streams, environment,
folder, ignored signals and exit status are its own, signals are passed on, and what does the work
ends with it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from types import FrameType

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)


def main(path: str, words: list[str]) -> int:
    """The exit status, below zero for the signal that ended it."""
    ignored = [number for number in PASSED_ON if signal.getsignal(number) is signal.SIG_IGN]
    given = {"words": words, "env": dict(os.environ), "cwd": os.getcwd(), "ignored": ignored}
    order = json.dumps(given | {"bound": True}).encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(path)
        socket.send_fds(connection, [len(order).to_bytes(4, "big")], [0, 1, 2])
        connection.sendall(order)
        said = connection.makefile("rb")
        pid = int(said.readline())

        def pass_on(number: int, _frame: FrameType | None) -> None:
            os.kill(pid, number)

        for number in PASSED_ON:
            signal.signal(number, pass_on)
        return int(said.readline() or b"-9")


if __name__ == "__main__":
    status = main(sys.argv[1], sys.argv[2:])
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
