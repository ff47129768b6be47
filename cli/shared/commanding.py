"""What the verbs share that send the daemon one command and print what came of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from cli.common import LONGEST_NUMBER, add_settings_flags, control_of, print_json, settings_of

if TYPE_CHECKING:
    from control.client import ControlClient
    from control.protocol import ChoiceReply, WordReply

DEFAULT = "default"
UNDO = "`testio-sync {verb} default` goes back to it"
N = TypeVar("N", int, float)


def add_command_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of every command to the daemon."""
    parser.add_argument("--json", action="store_true", help="print the daemon's reply as JSON")
    add_settings_flags(parser)


def control_for(arguments: argparse.Namespace) -> ControlClient:
    """The daemon of these settings. Raises SettingsError."""
    return control_of(settings_of(arguments))


def show_word(arguments: argparse.Namespace, reply: WordReply) -> int:
    """Print the daemon's word."""
    if arguments.json:
        print_json(reply.model_dump(mode="json"))
    else:
        print(reply.word.value.replace("_", " "))
    return 0


def or_default(parse: Callable[[str], N], expected: str) -> Callable[[str], N | None]:
    """An argparse type: `default` is None, anything else goes to `parse`."""

    def read(text: str) -> N | None:
        if text.strip().lower() == DEFAULT:
            return None
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"expected {expected}; got {text!r}") from error

    return read


def number_between(low: int, high: int) -> Callable[[str], int]:
    """Parse a whole number within these bounds. Raises ValueError."""

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
        if not (is_number and low <= int(text) <= high):
            raise ValueError(text)
        return int(text)

    return read


def show_choice(
    arguments: argparse.Namespace,
    reply: ChoiceReply,
    verb: str,
    words: Callable[[float], str],
    before: Callable[[str], str] = ", was {}".format,
) -> int:
    """Print what is in force now, and `before` what was."""
    if arguments.json:
        print_json(reply.model_dump(mode="json"))
        return 0
    was = "" if reply.before == reply.value else before(words(reply.before))
    kept = f"kept over restarts; {UNDO.format(verb=verb)}" if reply.chosen else "as configured"
    print(f"{words(reply.value)}{was} ({kept})")
    return 0
