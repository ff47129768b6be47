"""Show the bugs of tests, from the database; fetched first if they are too old or not there yet.

Bugs are no part of a sync: they are fetched when they are asked for, those of up to
15 tests with one request.
"""

from __future__ import annotations

import argparse

from cli.shared.reading import add_test_flags, show_of_tests
from rules.model import Kind
from service.read_through.api import ReadThrough

EXAMPLES = """\
  testio-sync bugs --test-ids 4711
  testio-sync bugs --product-ids 18 --since '2 weeks ago' --status accepted --csv > bugs.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync bugs`."""
    add_test_flags(parser, Kind.BUGS, since="only of tests")


def main(arguments: argparse.Namespace) -> int:
    """Print the bugs; 3 if some could not be refreshed."""
    return show_of_tests(arguments, Kind.BUGS, ReadThrough.get_bugs_cached_or_refresh)
