"""What the verbs that show rows share: their flags, the way to the answer, the exit status."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from cli.common import (
    add_ids,
    add_log_flags,
    add_product_ids,
    add_settings_flags,
    settings_of,
    start_logging,
    whole_number,
)
from cli.screens.rows_output import show_csv, show_json, show_table
from cli.screens.screen import duration_text, harmless
from config.settings import Settings
from rules.model import ErrorKind, Kind
from rules.text.instants import parse_since, parse_span
from rules.text.nearest import nearest_word
from service.exit_status import ExitStatus
from service.read_through.api import ReadThrough, open_mirror
from service.read_through.cached_rows import CachedRows, CacheProblem, CacheStatistics
from storage.engine import readonly
from storage.engine.place import is_missing
from storage.reads import lookups
from storage.reads.lookups import RowFilter

ERRORS_SHOWN = 10


def add_common_flags(parser: argparse.ArgumentParser, *, since: str) -> None:
    """The flags of all four verbs; `since` says what it means for this one."""
    add_product_ids(parser, what="only of these products")
    parser.add_argument("--since", type=_since, metavar="WHEN", help=since)
    parser.add_argument("--limit", type=whole_number, metavar="N", help="at most N rows")
    parser.add_argument("--deleted", action="store_true", help="also rows found to be gone")
    parser.add_argument(
        "--max-age",
        type=_span,
        metavar="SPAN",
        help="refresh what is older, e.g. 30m or 2h; 0 always does (CACHE_TTL_SECONDS)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="rows and statistics, as JSON")
    form.add_argument("--csv", action="store_true", help="the rows without their data, as CSV")
    add_settings_flags(parser)
    add_log_flags(parser)


def add_test_flags(parser: argparse.ArgumentParser, kind: Kind, *, since: str) -> None:
    """The flags of tests and bugs."""
    add_ids(parser, "--test-ids", what="only of these tests")
    parser.add_argument(
        "--status", nargs="+", metavar="STATUS", help=f"only {kind.value} with one of these"
    )
    add_common_flags(
        parser, since=f"{since} that end then or later, or have no end, e.g. '3 days ago'"
    )


def show_of_tests(arguments: argparse.Namespace, kind: Kind, get: Callable[..., CachedRows]) -> int:
    """As `show`, for tests and bugs; `get` is the method of ReadThrough."""

    def ask(mirror: ReadThrough, wanted: RowFilter) -> CachedRows:
        return get(
            mirror,
            arguments.test_ids,
            product_ids=arguments.product_ids,
            max_age_seconds=arguments.max_age,
            narrowed=wanted,
        )

    return show(arguments, kind, ask)


def show(
    arguments: argparse.Namespace,
    kind: Kind,
    ask: Callable[[ReadThrough, RowFilter], CachedRows],
) -> int:
    """Get the rows, print them, and end with the status that tells how good they are."""
    settings = settings_of(arguments)
    quiet = "log_level" not in settings.model_fields_set
    start_logging(settings, level="WARNING" if quiet else None)
    wanted = RowFilter(
        statuses=getattr(arguments, "status", None),
        since=arguments.since,
        deleted=arguments.deleted,
        limit=arguments.limit,
    )
    with open_mirror(settings) as mirror:
        answer = ask(mirror, wanted)
    if arguments.json:
        show_json(answer)
    elif arguments.csv:
        show_csv(kind, answer.rows)
    else:
        show_table(kind, answer, by_test=getattr(arguments, "test_ids", None) is not None)
    _explain(answer.statistics)
    _hint_at_statuses(settings, kind, wanted)
    return _status_of(answer.statistics)


def _explain(statistics: CacheStatistics) -> None:
    """On stderr, so that it is seen whatever becomes of the rows."""
    for note in statistics.notes:
        print(f"testio-sync: {harmless(note)}", file=sys.stderr)
    for problem in statistics.errors[:ERRORS_SHOWN]:
        print(f"testio-sync: {harmless(problem)} ({_known(problem)})", file=sys.stderr)
    more = len(statistics.errors) - ERRORS_SHOWN
    if more > 0:
        print(f"testio-sync: … and {more} more; --json names them all", file=sys.stderr)


def _hint_at_statuses(settings: Settings, kind: Kind, wanted: RowFilter) -> None:
    """Name the statuses there are where one was asked for that no row has: it may be a typo."""
    if wanted.statuses is None or is_missing(settings.db_path):
        return
    with readonly.open_readonly(settings.db_path) as connection:
        known = lookups.stored_statuses(connection, kind)
    for word in wanted.statuses:
        if word not in known:
            near = nearest_word(word, known)
            meant = f" (did you mean {harmless(near)}?)" if near else ""
            there_are = ", ".join(map(harmless, known)) or "none at all"
            print(
                f"testio-sync: no {kind.value} in the mirror have the status {word!r}{meant}; "
                f"there are: {there_are}",
                file=sys.stderr,
            )


def _known(problem: CacheProblem) -> str:
    """How well the rows are known; "there is none" is not "never fetched"."""
    if problem.age_seconds is not None:
        return f"as of {duration_text(problem.age_seconds)} ago"
    return "there is none" if problem.error is ErrorKind.NOT_FOUND else "never fetched"


def _status_of(statistics: CacheStatistics) -> ExitStatus:
    if statistics.is_complete:
        return ExitStatus.DONE
    refused = any(problem.error is ErrorKind.UNAUTHORIZED for problem in statistics.errors)
    return ExitStatus.CREDENTIALS if refused else ExitStatus.PARTIAL


def _since(text: str) -> datetime:
    try:
        return parse_since(text, datetime.now(UTC))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _span(text: str) -> float:
    try:
        return parse_span(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
