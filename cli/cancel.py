"""End the run at work; what it has stored so far stays."""

from __future__ import annotations

import argparse

from cli.common import add_settings_flags, control_of, print_json, settings_of

EXAMPLES = """\
  testio-sync cancel
  testio-sync cancel --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync cancel`."""
    parser.add_argument("--json", action="store_true", help="print the daemon's reply as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Send the message and print the daemon's word."""
    reply = control_of(settings_of(arguments)).cancel()
    if arguments.json:
        print_json(reply.model_dump(mode="json"))
    else:
        print(reply.word.value.replace("_", " "))
    return 0
