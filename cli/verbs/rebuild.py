"""Make a damaged database anew: set its files aside, save what can be read, sync in full.

Nothing is deleted: the damaged files stay beside the new database, under another name. Runs,
events, what people decided and what is gone are saved as far as they can be read; all else is read
from the remote again, and until then nothing is called fresh. Ends with the status of that sync.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from cli.common import (
    add_log_flags,
    add_settings_flags,
    log_level,
    print_json,
    settings_of,
    start_logging,
)
from cli.usage import UsageError
from control.protocol import StartRunBody
from rules.model import Trigger
from rules.text.wording import counted

if TYPE_CHECKING:
    from service.checkup.rebuild import Rebuilding, Rebuilt

EXAMPLES = """\
  testio-sync rebuild --dry-run
  testio-sync rebuild
  testio-sync rebuild --yes --json | jq .tables
"""

CANCELLED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync rebuild`."""
    parser.add_argument(
        "--dry-run", action="store_true", help="say what is wrong and what would be saved"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--force",
        action="store_true",
        help="also set a file aside that nothing shows to have been a mirror",
    )
    parser.add_argument("--json", action="store_true", help="print what came of it as JSON")
    add_settings_flags(parser)
    add_log_flags(parser)
    parser.set_defaults(verbose=False)


def main(arguments: argparse.Namespace) -> int:
    """Look, ask, rebuild, sync; 2 where nothing is damaged, 4 where somebody writes to it."""
    from config.token import load_token
    from service.checkup.rebuild import open_damaged

    settings = settings_of(arguments)
    start_logging(settings, level=log_level(settings, verbose=False))
    if not arguments.dry_run:
        load_token(settings)  # without one there is no sync, and it is too late to hear of that
    with open_damaged(settings, force=arguments.force) as found:
        _say_what_is_wrong(found)
        if not arguments.dry_run and not arguments.yes and not _is_confirmed(found):
            print("nothing was done", file=sys.stderr)
            return CANCELLED
        came = found.rebuild(dry_run=arguments.dry_run)
    _say_what_came(came, dry_run=arguments.dry_run)
    if arguments.dry_run:
        if arguments.json:
            print_json(_document(came, run=None))
        return 0
    return _sync(arguments, came)


def _sync(arguments: argparse.Namespace, came: Rebuilt) -> int:
    """In full; what the sync cannot do now, a later one does."""
    from cli.verbs.sync import print_summary, sync_once
    from service.daemon.views import exit_status_of

    view = None
    try:
        body = StartRunBody(trigger_source=Trigger.CLI, force=True)
        view = sync_once(settings_of(arguments), body, verbose=False)
    finally:
        if arguments.json:
            print_json(_document(came, run=None if view is None else view.model_dump(mode="json")))
    if not arguments.json:
        print_summary(view)
    return exit_status_of(view)


def _say_what_is_wrong(found: Rebuilding) -> None:
    _tell(f"{found.path} is damaged: {found.damage}")
    for backup in found.backups:
        _tell(f"there is an older copy: {backup}")


def _is_confirmed(found: Rebuilding) -> bool:
    """Ask a person. Raises UsageError where there is nobody."""
    if not sys.stdin.isatty():
        raise UsageError("rebuild replaces the database; without a terminal it needs --yes")
    print(
        f"Its files ({', '.join(file.name for file in found.files)}) are kept under another name "
        "beside it, what can be read of it is saved, and the account is read anew.\n"
        "A copy made by `testio-sync backup` may be the better start: then answer no, and put the "
        "copy in its place.\n"
        "Type yes to go on: ",
        end="",
        file=sys.stderr,
        flush=True,
    )
    return sys.stdin.readline().strip() == "yes"


def _say_what_came(came: Rebuilt, *, dry_run: bool) -> None:
    saved = [counted(each.saved, *_names(each.name)) for each in came.tables if each.saved]
    refused = sum(each.refused for each in came.tables)
    cut = [_names(each.name)[1] for each in came.tables if each.is_cut]
    would = "would be " if dry_run else ""
    _tell(f"{would}saved: {', '.join(saved) or 'nothing'}")
    if refused:
        _tell(f"lost: {counted(refused, 'row')} that could be read and made no sense")
    if len(cut) == len(came.tables):
        _tell("lost: all else; none of its tables can be found")
    elif cut:
        _tell(f"lost: what cannot be read of {', '.join(cut)}")
    _tell(f"the damaged files {'would be' if dry_run else 'are'} kept as {came.damaged}")
    if not dry_run:
        _tell("now the account is read anew; until that is done nothing is called fresh")


def _names(table: str) -> tuple[str, str]:
    """What one row of a table is called, and what several are."""
    many = table.removeprefix("sync_").replace("_", " ")
    one = f"{many[:-3]}y" if many.endswith("ies") else many.removesuffix("s")
    return ("problem", "problems") if table == "quarantine" else (one, many)


def _tell(line: str) -> None:
    from cli.screens.screen import harmless

    print(harmless(line), file=sys.stderr)


def _document(came: Rebuilt, *, run: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "damage": came.damage,
        "files": [str(file) for file in came.files],
        "set_aside": str(came.damaged),
        "tables": {
            each.name: {"saved": each.saved, "refused": each.refused, "unreadable": each.is_cut}
            for each in came.tables
        },
        "run": run,
    }
