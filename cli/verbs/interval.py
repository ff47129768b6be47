"""Change how often the daemon syncs, now and after a restart."""

from __future__ import annotations

import argparse

from cli.shared.commanding import add_command_flags, control_for, or_default, show_choice
from rules.run.runtime_overrides import LONGEST_INTERVAL
from rules.text.durations import spoken
from rules.text.instants import parse_span

EXAMPLES = """\
  testio-sync interval 5m
  testio-sync interval 0         no periodic runs; `sync` still works
  testio-sync interval default   as configured again
"""
NONE = "no periodic runs"
EXPECTED = "a span like 90s, 5m or 2h, at most 7d; 0 for none; or: default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync interval`."""
    parser.add_argument("seconds", metavar="SPAN", type=or_default(_span, EXPECTED), help=EXPECTED)
    add_command_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Tell the daemon; it counts from its last periodic run."""
    reply = control_for(arguments).set_interval(arguments.seconds)
    return show_choice(arguments, reply, "interval", _words, _before)


def _span(text: str) -> float:
    seconds = parse_span(text)
    if seconds > LONGEST_INTERVAL:
        raise ValueError(text)
    return seconds


def _words(seconds: float) -> str:
    return f"every {spoken(seconds)}" if seconds else NONE


def _before(words: str) -> str:
    return f"; there were {words} before" if words == NONE else f", was {words}"
