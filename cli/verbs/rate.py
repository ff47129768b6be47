"""Change how many requests a second the daemon sends at most, now and after a restart."""

from __future__ import annotations

import argparse

from cli.shared.commanding import (
    add_command_flags,
    control_for,
    number_between,
    or_default,
    show_choice,
)
from rules.run.runtime_overrides import HIGHEST_RATE

EXAMPLES = """\
  testio-sync rate 5
  testio-sync rate 0         no limit
  testio-sync rate default   as configured again
"""
EXPECTED = (
    f"a whole number of requests a second, at most {HIGHEST_RATE}; 0 for no limit; or: default"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync rate`."""
    read = or_default(number_between(0, HIGHEST_RATE), EXPECTED)
    parser.add_argument("per_second", metavar="N", type=read, help=EXPECTED)
    add_command_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Tell the daemon; who waits by the old limit waits by the new one."""
    reply = control_for(arguments).set_rate(arguments.per_second)
    return show_choice(arguments, reply, "rate", _words)


def _words(per_second: float) -> str:
    return f"at most {per_second:g} requests a second" if per_second else "no limit"
