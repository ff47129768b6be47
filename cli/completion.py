"""Print a script that completes verbs, flags and values in a shell."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from rules.model import ALL_PHASES

EXAMPLES = """\
  testio-sync completion bash > ~/.local/share/bash-completion/completions/testio-sync
  testio-sync completion zsh > "${fpath[1]}/_testio-sync"
  testio-sync completion fish > ~/.config/fish/completions/testio-sync.fish
"""

SHELLS = ("bash", "zsh", "fish")
VALUES: dict[str, Sequence[str]] = {
    "--log-level": ("DEBUG", "INFO", "WARNING", "ERROR"),
    "--log-format": ("json", "console", "auto"),
    "--phases": tuple(phase.value for phase in ALL_PHASES),
}
"""What can follow a flag whose parser takes more than these, and so declares no choices."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `testio-sync completion`."""
    parser.add_argument("shell", choices=SHELLS, help="the shell to complete in")


def main(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from cli.main import VERBS
    from cli.parsers import full_parser, parsers_below

    parser = full_parser(VERBS)
    for verb, below in parsers_below(parser).items():
        below.description = VERBS[verb]  # a line is enough beside a word to choose
    _describe(parser, {"FILE": shtab.FILE, "FOLDER": shtab.DIRECTORY})
    print(shtab.complete(parser, shell=arguments.shell))
    return 0


def _describe(parser: argparse.ArgumentParser, paths: dict[str, Any]) -> None:
    """Say of each value what it can be: a path by its metavar, a word out of VALUES."""
    from cli.parsers import parsers_below

    for action in parser._actions:
        if isinstance(action.metavar, str) and action.metavar in paths:
            action.complete = paths[action.metavar]  # type: ignore[attr-defined]
        for flag in action.option_strings:
            if flag in VALUES:
                action.choices = VALUES[flag]
    for below in parsers_below(parser).values():
        _describe(below, paths)
