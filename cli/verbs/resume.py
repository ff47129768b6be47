"""Start periodic runs again; one that fell due during the pause begins at once."""

from __future__ import annotations

import argparse

from cli.shared.commanding import add_command_flags, control_for, show_word

EXAMPLES = """\
  testio-sync resume
  testio-sync resume --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync resume`."""
    add_command_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Send the message and print the daemon's word."""
    return show_word(arguments, control_for(arguments).resume())
