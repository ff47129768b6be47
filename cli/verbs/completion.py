"""Print a script that completes verbs, flags and values in a shell."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from cli.logtail.log_lines import LEVELS
from cli.shared.commanding import DEFAULT
from rules.model import ALL_PHASES, RunStatus
from rules.records import FINAL_STATUSES
from storage.reads.export_tables import TABLES

EXAMPLES = """\
  testio-sync completion bash > ~/.local/share/bash-completion/completions/testio-sync
  testio-sync completion zsh > "${fpath[1]}/_testio-sync"
  testio-sync completion fish > ~/.config/fish/completions/testio-sync.fish
"""

SHELLS = ("bash", "zsh", "fish")
OPEN_STATUSES = (
    "initialized",
    "waiting",
    "running",
    "customer_finalized",
    "locked",
    "pending",
    "completed",
)
VALUES: dict[str, Sequence[str]] = {
    "--log-level": ("DEBUG", "INFO", "WARNING", "ERROR"),
    "--log-format": ("json", "console", "auto"),
    "--phases": tuple(phase.value for phase in ALL_PHASES),
    "logs --level": LEVELS,
    "runs --status": tuple(status.value for status in RunStatus),
    "tests --status": (*OPEN_STATUSES, *sorted(FINAL_STATUSES)),
    "bugs --status": ("accepted", "forwarded", "rejected"),
    "export tables": tuple(TABLES),
    "interval seconds": (DEFAULT,),
    "concurrency requests": (DEFAULT,),
    "rate per_second": (DEFAULT,),
}
"""What a flag, or an argument of a verb, can be, where its parser takes more than these words and
so declares no choices.
"""


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
    # The name of the shell to write for; none is started.
    script = shtab.complete(parser, shell=arguments.shell)  # nosec B604
    print(script)
    return 0


def _describe(parser: argparse.ArgumentParser, paths: dict[str, Any], verb: str = "") -> None:
    """Say of each value what it can be: a path by its metavar, a word out of VALUES."""
    from cli.parsers import parsers_below

    for action in parser._actions:
        if isinstance(action.metavar, str) and action.metavar in paths:
            action.complete = paths[action.metavar]  # type: ignore[attr-defined]
        named = [f"{verb} {action.dest}", *action.option_strings]
        named += [f"{verb} {flag}" for flag in action.option_strings]
        for name in named:
            if name in VALUES:
                action.choices = VALUES[name]
    for name, below in parsers_below(parser).items():
        _describe(below, paths, verb or name)
