"""Show what happened: the rows of sync_events, in order; and follow them as they come."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from cli.common import add_settings_flags, settings_of, whole_number
from cli.runs import no_such_run
from cli.screen import event_line
from storage import queries
from storage.errors import StorageError

EXAMPLES = """\
  testio-sync events --limit 20
  testio-sync events --follow
  testio-sync events --run 7 --json | jq -r 'select(.error) | .error'
"""

POLL_SECONDS = 0.3
PAGE = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync events`."""
    parser.add_argument("--since", type=_id, metavar="ID", help="only events after this id")
    parser.add_argument("--run", type=whole_number, metavar="ID", help="only events of this run")
    parser.add_argument(
        "--limit", type=whole_number, default=50, metavar="N", help="at most N (50)"
    )
    parser.add_argument("--follow", action="store_true", help="go on showing new ones")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Print events; following ends with a signal. The daemon may come and go meanwhile."""
    path = settings_of(arguments).db_path
    last = _print(path, arguments, arguments.since, arguments.limit)
    if arguments.run is not None and arguments.since is None and not last:
        _hint_at_run(path, arguments.run)
    while arguments.follow:
        time.sleep(POLL_SECONDS)
        try:
            last = _print(path, arguments, last, PAGE)
        except StorageError:
            continue  # the database is being moved or is not there yet; nothing is lost by waiting
    return 0


def _print(path: Path, arguments: argparse.Namespace, since: int | None, limit: int) -> int:
    """Print what came after `since`; returns the id of the last event printed."""
    with queries.open_readonly(path) as connection:
        rows = queries.events(connection, since=since, run_id=arguments.run, limit=limit)
    for row in rows:
        print(json.dumps(row) if arguments.json else event_line(row), flush=True)
    return int(rows[-1]["id"]) if rows else since or 0


def _hint_at_run(path: Path, run_id: int) -> None:
    """Say why nothing is shown; a run may yet come, so this is no failure."""
    with queries.open_readonly(path) as connection:
        known = queries.run_ids(connection)
    why = "its events were removed" if run_id in known else no_such_run(run_id, known)
    print(f"testio-sync: {why}", file=sys.stderr)


def _id(text: str) -> int:
    return 0 if text == "0" else whole_number(text)
