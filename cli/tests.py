"""Show tests, from the database; refreshed first if they are too old and can still change."""

from __future__ import annotations

import argparse

from cli.reading import add_common_flags, add_test_flags, show
from rules.model import Kind
from service.read_through import CachedRows, ReadThrough, RowFilter

EXAMPLES = """\
  testio-sync tests --status running
  testio-sync tests --product-ids 18 --since '2 weeks ago'
  testio-sync tests --test-ids 4711 --max-age 5m --json | jq '.rows[0].data.goal_text'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync tests`."""
    add_test_flags(parser, status="only tests with one of these statuses")
    add_common_flags(
        parser, since="only tests that end then or later, or have no end, e.g. '3 days ago'"
    )


def main(arguments: argparse.Namespace) -> int:
    """Print the tests; 3 if some could not be refreshed."""

    def ask(mirror: ReadThrough, wanted: RowFilter) -> CachedRows:
        return mirror.get_tests_cached_or_refresh(
            arguments.test_ids,
            product_ids=arguments.product_ids,
            max_age_seconds=arguments.max_age,
            narrowed=wanted,
        )

    return show(arguments, Kind.TESTS, ask)
