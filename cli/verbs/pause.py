"""Stop periodic runs for a time, or until they are resumed; runs can still be asked for."""

from __future__ import annotations

import argparse

from cli.common import print_json
from cli.shared.commanding import add_command_flags, control_for
from rules.run.runtime_overrides import LONGEST_PAUSE
from rules.text.instants import SPAN_EXPECTED, parse_span

EXAMPLES = """\
  testio-sync pause
  testio-sync pause --for 2h      goes on by itself, after a restart in between too
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync pause`."""
    parser.add_argument(
        "--for", dest="seconds", metavar="SPAN", type=_span, help="a span like 30m, 2h or 1d"
    )
    add_command_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Send the message and print the daemon's word."""
    reply = control_for(arguments).pause(arguments.seconds)
    if arguments.json:
        print_json(reply.model_dump(mode="json"))
    else:
        until = "" if reply.until is None else f" until {reply.until:%Y-%m-%d %H:%M:%S} UTC"
        print(f"{reply.word.value.replace('_', ' ')}{until}")
    return 0


def _span(text: str) -> float:
    try:
        seconds = parse_span(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if not 0 < seconds <= LONGEST_PAUSE:
        expected = SPAN_EXPECTED.removesuffix(", or 0")
        raise argparse.ArgumentTypeError(f"expected {expected}, at most 365d; got {text!r}")
    return seconds
