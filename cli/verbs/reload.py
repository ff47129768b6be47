"""Have the daemon read its configuration and its token again; what is bad is not taken up."""

from __future__ import annotations

import argparse
import sys

from cli.common import print_json
from cli.shared.commanding import add_command_flags, control_for

EXAMPLES = """\
  testio-sync reload
  kill -HUP "$(testio-sync status --json | jq .daemon.pid)"    the same, the answer is in the log
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync reload`."""
    add_command_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Tell the daemon, and say what has changed."""
    reply = control_for(arguments).reload()
    if arguments.json:
        print_json(reply.model_dump(mode="json"))
        return 0
    print(f"changed: {', '.join(reply.changed)}" if reply.changed else "nothing was taken up")
    if reply.needs_restart:
        names = ", ".join(reply.needs_restart)
        print(f"changed, but only a restart takes it up: {names}", file=sys.stderr)
    return 0
