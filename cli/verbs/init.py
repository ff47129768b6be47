"""Ask for the API's URL and token, try them, and write the configuration file.

On a terminal it asks; the token is not shown. Else, or with --non-interactive, everything comes
from the flags, the environment and, for the token, standard input. Nothing is written before the
remote has taken the token (--offline leaves that out), and no file is overwritten without --force.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cli.usage import UsageError
from config.installing import AlreadyThere, install, refuse_existing, token_path
from config.places import default_config_file

if TYPE_CHECKING:
    from cli.shared.setting_up import Answers

EXAMPLES = """\
  testio-sync init
  testio-sync init --base-url https://api.test.io/customer/v2 --token-file ~/token.txt
  pass show testio | testio-sync init --non-interactive --db /var/lib/testio/testio.db
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync init`."""
    parser.add_argument("--base-url", metavar="URL", help="where the Customer API is")
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help="take the token from this file (- is standard input); it is copied",
    )
    parser.add_argument("--db", metavar="FILE", help="where the database goes")
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the file to write (default: ~/.config/testio-sync/config.toml)",
    )
    parser.add_argument("--force", action="store_true", help="replace old files; keep backups")
    parser.add_argument("--offline", action="store_true", help="do not try the token")
    parser.add_argument("--non-interactive", action="store_true", help="never ask")


def main(arguments: argparse.Namespace) -> int:
    """Ask or take, try, write; 130 if the person leaves before that."""
    config = (arguments.config or default_config_file()).absolute()
    _refuse_existing(config, arguments)
    from cli.shared.setting_up import GaveUp, TokenRefused, collect
    from service.exit_status import ExitStatus

    try:
        answers = collect(arguments)
        backups = _install(config, answers, replace=arguments.force)
    except (EOFError, KeyboardInterrupt):
        print("\ntestio-sync: nothing was written", file=sys.stderr)
        return ExitStatus.CANCELLED
    except TokenRefused as error:
        print(f"testio-sync: {error}; nothing was written", file=sys.stderr)
        return ExitStatus.CREDENTIALS
    except GaveUp as error:
        print(f"testio-sync: {error}; nothing was written", file=sys.stderr)
        return ExitStatus.FAILED
    _report(config, answers, backups, usual=arguments.config is None)
    return ExitStatus.DONE


def _refuse_existing(config: Path, arguments: argparse.Namespace) -> None:
    """Before a person has typed anything."""
    if config.is_dir():
        raise UsageError(f"{config} is a folder; name a file in it, config.toml for example")
    try:
        if not arguments.force:
            refuse_existing(config)
    except AlreadyThere as error:
        raise _exists(error) from error


def _install(config: Path, answers: Answers, *, replace: bool) -> tuple[Path, ...]:
    try:
        return install(
            config,
            answers.values,
            answers.token.get_secret_value(),
            replace=replace,
            now=datetime.now(UTC),
        )
    except AlreadyThere as error:
        raise _exists(error) from error
    except (OSError, UnicodeEncodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name is not UTF-8"
        raise UsageError(f"{config} cannot be written: {reason}") from error


def _exists(error: AlreadyThere) -> UsageError:
    return UsageError(f"{error}; --force replaces it and keeps a backup, --config names another")


def _report(config: Path, answers: Answers, backups: tuple[Path, ...], *, usual: bool) -> None:
    if answers.products is not None:
        products = f"{answers.products} product{'s' * (answers.products != 1)}"
        print(f"The remote takes the token; it sees {products}.")
    print(f"wrote {config}\nwrote {token_path(config)} (the token, for you alone)")
    for backup in backups:
        print(f"kept {backup}")
    for name in _hidden(answers.values):
        print(f"note: {name} is set in the environment, and comes before the file")
    flag = "" if usual else f" --config {config}"
    print(
        "Next:\n"
        f"  testio-sync check{flag}    is everything in place?\n"
        f"  testio-sync sync{flag}     mirror the account once, now\n"
        f"  testio-sync run{flag}      the daemon: now, and every 15 minutes"
    )


def _hidden(values: Mapping[str, str]) -> list[str]:
    """Names whose value in the environment hides what was written."""
    token = "TESTIO_CUSTOMER_API_TOKEN"  # nosec B105 # the name of a setting
    names = [name for name, value in values.items() if os.environ.get(name, value) != value]
    return names + [name for name in (token, f"{token}_FILE") if os.environ.get(name)]
