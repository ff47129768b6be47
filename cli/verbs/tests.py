"""Show tests, from the database; refreshed first if they are too old and can still change."""

from __future__ import annotations

import argparse

from cli.shared.reading import add_test_flags, show_of_tests
from rules.model import Kind
from service.read_through.api import ReadThrough

EXAMPLES = """\
  testio-sync tests --status running
  testio-sync tests --product-ids 18 --since '2 weeks ago'
  testio-sync tests --test-ids 4711 --max-age 5m --json | jq '.rows[0].data.goal_text'
  testio-sync tests --test-ids 4711 --json | jq '.rows[0].metrics.analytics'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync tests`."""
    add_test_flags(parser, Kind.TESTS, since="only tests")


def main(arguments: argparse.Namespace) -> int:
    """Print the tests; 3 if some could not be refreshed."""
    return show_of_tests(arguments, Kind.TESTS, ReadThrough.get_tests_cached_or_refresh)
