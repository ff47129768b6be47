"""What can be asked of a run on the command line, and what cannot."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from cli.common import ONLY_THESE_PRODUCTS, add_product_ids
from cli.usage import UsageError
from control.protocol import StartRunBody
from rules.model import SyncPhase, Trigger, in_order
from rules.run.option_conflicts import contradiction
from rules.text.instants import SINCE_EXPECTED, parse_since

PHASE_NAMES = {phase.value: phase for phase in SyncPhase} | {
    "new-tests": SyncPhase.NEW_TESTS,
    "tests": SyncPhase.NEW_TESTS,
}
SWITCHES = {
    "force": "list everything in full, now",
    "incremental_only": "list nothing in full",
    "refresh_mutable": "fetch tests one by one that can still change and were not listed",
    "nuke": "build the mirror anew, and replace the old one when all of it is there",
    "dry_run": "write nothing; show what would be new, changed, gone and held",
}


def add_scope(parser: argparse.ArgumentParser) -> None:
    """The flags that say what of the account is asked for."""
    add_product_ids(parser, what=ONLY_THESE_PRODUCTS)
    parser.add_argument(
        "--phases",
        nargs="+",
        type=_phase,
        metavar="PHASE",
        help="only these of products, features, new_tests (or tests); always in this order",
    )
    parser.add_argument(
        "--since",
        type=_since,
        metavar="WHEN",
        help=f"only tests that end at or after: {SINCE_EXPECTED}",
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """The flags that say how it is to be done."""
    for name, what in SWITCHES.items():
        parser.add_argument(spelled(name), action="store_true", help=what)
    parser.add_argument("--yes", action="store_true", help="with --nuke: do not ask")
    parser.add_argument(
        "--verbose", action="store_true", help="with --dry-run: row by row; else log more"
    )


def body_of(arguments: argparse.Namespace) -> StartRunBody:
    """The request. Raises UsageError where it contradicts itself."""
    given = {name for name, value in vars(arguments).items() if value}
    wrong = contradiction(given, spelled=spelled)
    if wrong is not None:
        raise UsageError(wrong)
    return StartRunBody(
        phases=arguments.phases and list(in_order(tuple(arguments.phases))),
        product_ids=arguments.product_ids,
        trigger_source=Trigger.CLI,
        since=arguments.since,
        force=arguments.force,
        incremental_only=arguments.incremental_only,
        refresh_mutable=arguments.refresh_mutable,
        nuke=arguments.nuke,
    )


def is_confirmed(database: str) -> bool:
    """Ask a person whether to replace the mirror. Raises UsageError where there is nobody."""
    if not sys.stdin.isatty():
        raise UsageError("--nuke replaces the whole mirror; without a terminal it needs --yes")
    print(
        f"The account is read anew, and then replaces all that is mirrored in {database}:\n"
        "rows that are gone upstream are forgotten. If a list cannot be read, nothing changes; "
        "of a list with records that cannot be read, the old rows stay.\n"
        "Type yes to go on: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    return sys.stdin.readline().strip() == "yes"


def spelled(name: str) -> str:
    """The flag of an option: `--dry-run` for `dry_run`."""
    return f"--{name.replace('_', '-')}"


def _since(text: str) -> datetime:
    now = datetime.now(UTC)
    try:
        instant = parse_since(text, now)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if instant > now:
        raise argparse.ArgumentTypeError(f"{text!r} is in the future")
    return instant


def _phase(text: str) -> SyncPhase:
    if text not in PHASE_NAMES:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no phase; expected products, features or new_tests"
        )
    return PHASE_NAMES[text]
