"""Show what happened: the rows of sync_events, in order; and follow them as they come.

Following goes on while the daemon and the database come and go, and shows each event once.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path

from cli.common import add_settings_flags, settings_of, whole_number
from cli.screens.screen import event_line
from cli.shared.following import ended_by_signals, note, wait
from cli.verbs.runs import no_such_run
from storage.engine import readonly
from storage.engine.errors import NoMirror, StorageError
from storage.engine.place import is_missing
from storage.reads import queries
from storage.reads.event_feed import Batch, EventFeed, EventFilter

EXAMPLES = """\
  testio-sync events --limit 20
  testio-sync events --follow
  testio-sync events --failures --product 18
  testio-sync events --run 7 --json | jq -r 'select(.error) | .error'
"""

POLL_SECONDS = 0.3
PATIENCE = 5
"""Readings that may fail before it is worth a word: a database is not made in one moment."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync events`."""
    parser.add_argument("--since", type=_id, metavar="ID", help="only events after this id")
    parser.add_argument("--run", type=whole_number, metavar="ID", help="only events of this run")
    parser.add_argument(
        "--product", type=whole_number, metavar="ID", help="only events of this product"
    )
    parser.add_argument(
        "--failures", action="store_true", help="only what failed or came out in part"
    )
    parser.add_argument(
        "--limit", type=whole_number, default=50, metavar="N", help="at most N (50)"
    )
    parser.add_argument("--follow", action="store_true", help="go on showing new ones")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Print events; following ends with a signal. The daemon may come and go meanwhile."""
    path = settings_of(arguments).db_path
    wanted = EventFilter(
        run_id=arguments.run, product_id=arguments.product, failures=arguments.failures
    )
    if not arguments.follow:
        batch = EventFeed(path, wanted, since=arguments.since).start(arguments.limit)
        _print(batch, arguments)
        _hint_at_run(path, arguments, batch)
        return 0
    since = arguments.since
    if since is None and is_missing(path):
        since = 0  # all that will ever be in it is new
    with ended_by_signals():
        _follow(EventFeed(path, wanted, since=since), arguments)
    return 0


def _follow(feed: EventFeed, arguments: argparse.Namespace) -> None:
    """Without end. A database that goes away is waited for, and so is one that is being made.

    Raises StorageError for a file that never was a usable database.
    """
    read = partial(feed.start, arguments.limit) if not is_missing(feed.path) else feed.poll
    has_read, failures = False, 0
    while True:
        try:
            batch = read()
        except StorageError as error:
            failures += 1
            if failures == PATIENCE:
                _complain(error, is_hopeless=not has_read and not _may_come(feed, error))
            wait(POLL_SECONDS)
            continue
        _print(batch, arguments)
        if not has_read:
            _warn_of_the_future(feed, arguments.since)
            _hint_at_run(feed.path, arguments, batch)
        read, has_read, failures = feed.poll, True, 0
        wait(0 if batch.more else POLL_SECONDS)


def _may_come(feed: EventFeed, error: StorageError) -> bool:
    """Whether the database is not there yet, or a first sync is about to make its tables."""
    return is_missing(feed.path) or (isinstance(error, NoMirror) and error.is_empty)


def _complain(error: StorageError, *, is_hopeless: bool) -> None:
    if is_hopeless:
        raise error
    note(f"waiting: {error}")


def _warn_of_the_future(feed: EventFeed, since: int | None) -> None:
    newest = feed.newest_id()
    if since is not None and newest < since:
        note(f"the newest event is {newest}; those up to {since} will not be shown")


def _print(batch: Batch, arguments: argparse.Namespace) -> None:
    if batch.moved_to is not None:
        note(
            "the database was replaced by another one or by a backup; "
            f"its events go on after {batch.moved_to}"
        )
    for row in batch.rows:
        print(json.dumps(row) if arguments.json else event_line(row), flush=True)


def _hint_at_run(path: Path, arguments: argparse.Namespace, batch: Batch) -> None:
    """Say why nothing is shown; a run may yet come, so this is no failure."""
    narrowed = arguments.since is not None or arguments.product is not None or arguments.failures
    if batch.rows:
        return
    if arguments.run is None or narrowed:
        if not arguments.follow:
            note("there are no such events" if narrowed else "there are no events yet")
        return
    with readonly.open_readonly(path) as connection:
        known = queries.run_ids(connection)
    is_known = arguments.run in known
    note("its events were removed" if is_known else no_such_run(arguments.run, known))


def _id(text: str) -> int:
    return 0 if text == "0" else whole_number(text)
