"""Stop the daemon; a run at work is cancelled. Returns when the daemon has gone."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from cli.common import add_settings_flags, control_of, print_json, settings_of
from storage.engine.writer_lock import lock_path, present_holder

EXAMPLES = """\
  testio-sync stop
"""

GONE_WITHIN_SECONDS = 12.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync stop`."""
    parser.add_argument("--json", action="store_true", help="print the daemon's reply as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Send the message, and wait until nobody answers any more."""
    settings = settings_of(arguments)
    reply = control_of(settings).drain()
    if not _is_gone(lock_path(settings.db_path)):
        print(
            f"testio-sync: the daemon has not ended after {GONE_WITHIN_SECONDS:g} s; "
            "`testio-sync status` names its pid",
            file=sys.stderr,
        )
        return 1
    if arguments.json:
        print_json(reply.model_dump(mode="json"))
    else:
        print("stopped")
    return 0


def _is_gone(lock: Path) -> bool:
    """Whether the daemon has let go of the writer lock, which it does last of all."""
    give_up_at = time.monotonic() + GONE_WITHIN_SECONDS
    while time.monotonic() < give_up_at:
        if present_holder(lock) is None:
            return True
        time.sleep(0.05)
    return False
