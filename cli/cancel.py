"""End the run at work, or leave one product out of it; what it has stored so far stays."""

from __future__ import annotations

import argparse

from cli.commanding import add_command_flags, control_for, show_word, whole_number

EXAMPLES = """\
  testio-sync cancel
  testio-sync cancel --product 18     the run goes on with the others
"""
MAX_ID = 2**63 - 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync cancel`."""
    parser.add_argument(
        "--product", metavar="ID", type=_id, help="only this product, for the rest of the run"
    )
    add_command_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Send the message and print the daemon's word."""
    control = control_for(arguments)
    if arguments.product is None:
        return show_word(arguments, control.cancel())
    return show_word(arguments, control.cancel_product(arguments.product))


def _id(text: str) -> int:
    try:
        return whole_number(1, MAX_ID)(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a product id, e.g. 18; got {text!r}") from error
