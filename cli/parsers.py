"""The parser of each verb, and one of all verbs together, for completion and the manual page."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping
from typing import Any


def verb_parser(verb: str, module: Any) -> argparse.ArgumentParser:
    """The parser of one verb, whose module is imported already."""
    parser = argparse.ArgumentParser(prog=f"testio-sync {verb}", **_manner(module))
    module.add_arguments(parser)
    return parser


def full_parser(verbs: Mapping[str, str]) -> argparse.ArgumentParser:
    """One parser with all verbs below it; imports every verb. It describes, and parses nothing."""
    parser = argparse.ArgumentParser(
        prog="testio-sync",
        description="Mirrors a Test IO account into a local SQLite database.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", help="show the versions and exit")
    below = parser.add_subparsers(dest="verb", metavar="VERB")
    for verb, what in verbs.items():
        module = importlib.import_module(f"cli.verbs.{verb}")
        module.add_arguments(below.add_parser(verb, help=what, **_manner(module)))
    return parser


def parsers_below(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of its verbs or actions, by name; empty if it has none."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _manner(module: Any) -> dict[str, Any]:
    return {
        "description": module.__doc__,
        "epilog": f"examples:\n{module.EXAMPLES}",
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
