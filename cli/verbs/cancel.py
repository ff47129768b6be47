"""End the run at work, or leave one product out of it; what it has stored so far stays."""

from __future__ import annotations

import argparse

from cli.common import whole_number
from cli.shared.commanding import add_command_flags, control_for, show_word

EXAMPLES = """\
  testio-sync cancel
  testio-sync cancel --product 18     the run goes on with the others
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync cancel`."""
    parser.add_argument(
        "--product",
        metavar="ID",
        type=whole_number,
        help="only this product",
    )
    add_command_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Send the message and print the daemon's word."""
    control = control_for(arguments)
    if arguments.product is None:
        return show_word(arguments, control.cancel())
    return show_word(arguments, control.cancel_product(arguments.product))
