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
from storage.engine.lock_owner import holds_file
from storage.engine.writer_lock import Holder, Role, lock_path, present_holder

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
    holder = present_holder(lock)
    try:
        return control_of(settings).drain()
    except (NoDaemon, SilentDaemon):
        if holder is None or not _is_daemon_here(holder, lock):
            raise
    try:
        os.kill(holder.pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it has just ended
    except PermissionError as error:
        raise NoDaemon(
            f"the daemon with pid {holder.pid} is another user's; stop it as that user"
        ) from error
    return WordReply(word=Word.STOPPING)


def _is_daemon_here(holder: Holder, lock: Path) -> bool:
    """Whether its pid is that of the daemon here, too: in another container's file it is not."""
    return holder.role == Role.DAEMON and holds_file(lock, holder.pid)


def _left(lock: Path) -> Holder | None:
    """Who still has the writer lock, which a daemon lets go of last of all; None: nobody."""
    give_up_at = time.monotonic() + GONE_WITHIN_SECONDS
    while (holder := present_holder(lock)) is not None and time.monotonic() < give_up_at:
        time.sleep(0.05)
    return holder
