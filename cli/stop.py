"""Stop the daemon; a run at work is cancelled. Returns when the daemon has gone."""

from __future__ import annotations

import argparse
import sys
import time

from cli.common import add_settings_flags, control_of, print_json, settings_of
from control.client import ControlClient, ControlError, NoDaemon

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
    control = control_of(settings_of(arguments))
    reply = control.drain()
    if not _is_gone(control):
        print(f"the daemon still answers after {GONE_WITHIN_SECONDS:g} s", file=sys.stderr)
        return 1
    if arguments.json:
        print_json(reply.model_dump(mode="json"))
    else:
        print("stopped")
    return 0


def _is_gone(control: ControlClient) -> bool:
    give_up_at = time.monotonic() + GONE_WITHIN_SECONDS
    while time.monotonic() < give_up_at:
        try:
            control.status()
        except ControlError:
            pass  # it is stopping, and its actors have gone already
        except NoDaemon:
            return True
        time.sleep(0.1)
    return False
