"""Stop the daemon; a run at work is cancelled. Returns when the daemon has gone.

Where nobody answers on the socket, the process that holds the writer lock gets SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from cli.common import add_settings_flags, control_of, print_json, settings_of
from config.settings import Settings
from control.errors import NoDaemon, SilentDaemon
from control.protocol import Word, WordReply
from storage.engine.lock_holder import Holder, Role, lock_path, present_holder
from storage.engine.lock_owner import owner_of_file

EXAMPLES = """\
  testio-sync stop
"""

GONE_WITHIN_SECONDS = 12.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync stop`."""
    parser.add_argument("--json", action="store_true", help="print the daemon's reply as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Send the message, and wait until nobody holds the writer lock any more."""
    settings = settings_of(arguments)
    lock = lock_path(settings.db_path)
    reply = _stopped(settings, lock)
    if (holder := _left(lock)) is not None:
        print(
            f"testio-sync: the daemon has not ended after {GONE_WITHIN_SECONDS:g} s; "
            f"`kill -9 {holder.pid}` ends it at once, and nothing that was written is lost",
            file=sys.stderr,
        )
        return 1
    if arguments.json:
        print_json(reply.model_dump(mode="json"))
    else:
        print("stopped")
    return 0


def _stopped(settings: Settings, lock: Path) -> WordReply:
    """Have it stop: by its socket, else by a signal. Raises NoDaemon, ControlError."""
    try:
        return control_of(settings).drain()
    except (NoDaemon, SilentDaemon) as error:
        _signal(present_holder(lock), lock, error)
    return WordReply(word=Word.STOPPING)


def _signal(holder: Holder | None, lock: Path, error: Exception) -> None:
    """Send SIGTERM to who has the lock, if the kernel says who that is: in the file may stand the
    pid of another container. Raises NoDaemon, or what the socket came to."""
    if holder is None or holder.role == Role.ONE_SHOT:
        raise error
    if owner_of_file(lock) != holder.pid:
        raise NoDaemon(
            f"the {holder}, does not answer and cannot be ended from here: end it where it runs, "
            "in its container or on its machine"
        ) from error
    try:
        os.kill(holder.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has just ended
    except PermissionError as refused:
        raise NoDaemon(
            f"the daemon with pid {holder.pid} is another user's; stop it as that user"
        ) from refused


def _left(lock: Path) -> Holder | None:
    """Who still has the writer lock, which a daemon lets go of last of all; None: nobody."""
    give_up_at = time.monotonic() + GONE_WITHIN_SECONDS
    while (holder := present_holder(lock)) is not None and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return holder
