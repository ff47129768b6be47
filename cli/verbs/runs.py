"""Show the last runs, or one of them: when what was at work, what failed, and what to do."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime

from cli.common import add_settings_flags, print_json, settings_of, whole_number
from cli.screens.runs_table import runs_table
from cli.screens.screen import make_console
from config.settings import Settings
from control.errors import NoSuchEntry
from rules.model import RunStatus
from rules.text.nearest import enumerated, nearest_ids, nearest_word
from storage.engine import readonly
from storage.engine.lock_holder import lock_path, present_holder
from storage.engine.readonly import Row
from storage.reads import queries

EXAMPLES = """\
  testio-sync runs --limit 5
  testio-sync runs --status partial,failed
  testio-sync runs show 7          # phases and products on a time line, failures with advice
  testio-sync runs show 7 --json | jq '.failures'
"""

LIMIT = 20
STATUSES = tuple(status.value for status in RunStatus)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync runs`, and its action `show`."""
    parser.add_argument(
        "--limit", type=whole_number, default=LIMIT, metavar="N", help=f"at most N ({LIMIT})"
    )
    parser.add_argument(
        "--status", type=_statuses, metavar="STATUS,…", help=f"only these: {', '.join(STATUSES)}"
    )
    _add_shared(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    # What stands before the action is kept where it is not said again behind it.
    show = actions.add_parser(
        "show",
        help="show one run: `runs show ID`",
        description="Show one run.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    show.add_argument("id", type=whole_number, metavar="ID", help="as `runs` shows it")
    show.add_argument("--all", action="store_true", help="every product of every phase")
    _add_shared(show)


def _add_shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Read the database; 2 if there is no such run."""
    settings = settings_of(arguments)
    if arguments.action == "show":
        return _show(settings, arguments)
    with readonly.open_readonly(settings.db_path) as connection:
        runs = queries.last_runs(connection, arguments.limit, arguments.status)
    if arguments.json:
        print_json({"runs": [run | {"at_work": _at_work(run, settings)} for run in runs]})
    elif not runs:
        print("no runs" if arguments.status is None else "no runs with such a status")
    else:
        title = "Runs (times in UTC; new and changed are tests)"
        table = runs_table(runs, is_written=_is_written(settings), title=title)
        make_console().print(table)
    return 0


def _show(settings: Settings, arguments: argparse.Namespace) -> int:
    from cli.screens.run_screen import run_document, show_run

    with readonly.open_readonly(settings.db_path) as connection:
        run = queries.run(connection, arguments.id)
        if run is None:
            raise NoSuchEntry(no_such_run(arguments.id, queries.run_ids(connection)))
        events = queries.events_of_run(connection, run["id"])
        names = queries.product_names(connection)
    document = run_document(
        run, events, names, at_work=_at_work(run, settings), now=datetime.now(UTC)
    )
    if arguments.json:
        print_json(document)
    else:
        show_run(document, every_product=getattr(arguments, "all", False))
    return 0


def no_such_run(run_id: int, known: Iterable[int]) -> str:
    """The line for a run that does not exist."""
    near = nearest_ids(run_id, known)
    hint = f"the nearest: {enumerated(near)}" if near else "there was none yet"
    return f"there is no run {run_id}; {hint}"


def _is_written(settings: Settings) -> bool:
    """Whether any process holds the writer lock: only then a run can be at work."""
    return present_holder(lock_path(settings.db_path)) is not None


def _at_work(run: Row, settings: Settings) -> bool:
    return run["status"] == RunStatus.RUNNING and _is_written(settings)


def _statuses(text: str) -> frozenset[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in STATUSES:
            near = nearest_word(word, STATUSES)
            meant = f" (did you mean {near}?)" if near else ""
            raise argparse.ArgumentTypeError(
                f"{word!r} is no status of a run{meant}; expected {', '.join(STATUSES)}"
            )
    return frozenset(words) or frozenset(STATUSES)
