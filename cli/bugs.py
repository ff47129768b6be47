"""Show the bugs of tests, from the database; fetched first if they are too old or not there yet.

Bugs are no part of a sync: they are fetched when they are asked for, one request for each test.
"""

from __future__ import annotations

import argparse

from cli.reading import add_common_flags, add_test_flags, show
from rules.model import Kind
from service.read_through import CachedRows, ReadThrough, RowFilter

EXAMPLES = """\
  testio-sync bugs --test-ids 4711
  testio-sync bugs --product-ids 18 --since '2 weeks ago' --status accepted --csv > bugs.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync bugs`."""
    add_test_flags(parser, status="only bugs with one of these statuses")
    add_common_flags(
        parser, since="only of tests that end then or later, or have no end, e.g. '3 days ago'"
    )


def main(arguments: argparse.Namespace) -> int:
    """Print the bugs; 3 if some could not be refreshed."""

    def ask(mirror: ReadThrough, wanted: RowFilter) -> CachedRows:
        return mirror.get_bugs_cached_or_refresh(
            arguments.test_ids,
            product_ids=arguments.product_ids,
            max_age_seconds=arguments.max_age,
            narrowed=wanted,
        )

    return show(arguments, Kind.BUGS, ask)
