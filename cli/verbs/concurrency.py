"""Change how many requests the daemon has under way at once, now and after a restart."""

from __future__ import annotations

import argparse

from cli.shared.commanding import (
    add_command_flags,
    control_for,
    number_between,
    or_default,
    show_choice,
)
from rules.run.runtime_overrides import MOST_CONNECTIONS

EXAMPLES = """\
  testio-sync concurrency 4
  testio-sync concurrency default   as configured again
"""
EXPECTED = f"a whole number from 1 to {MOST_CONNECTIONS}, or: default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync concurrency`."""
    read = or_default(number_between(1, MOST_CONNECTIONS), EXPECTED)
    parser.add_argument("requests", metavar="N", type=read, help=EXPECTED)
    add_command_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Tell the daemon; requests under way end as they began."""
    reply = control_for(arguments).set_concurrency(arguments.requests)
    return show_choice(arguments, reply, "concurrency", _words)


def _words(requests: float) -> str:
    return f"{requests:g} request{'' if requests == 1 else 's'} at once"
