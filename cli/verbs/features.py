"""Show the features of products, from the database; refreshed first if they are too old."""

from __future__ import annotations

import argparse

from cli.shared.reading import add_common_flags, show
from rules.model import Kind
from service.read_through.api import CachedRows, ReadThrough, RowFilter

EXAMPLES = """\
  testio-sync features --product-ids 18
  testio-sync features --since '1 week ago' --csv > changed.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync features`."""
    add_common_flags(parser, since="only those that changed then or later, e.g. '3 days ago'")


def main(arguments: argparse.Namespace) -> int:
    """Print the features; 3 if some could not be refreshed."""

    def ask(mirror: ReadThrough, wanted: RowFilter) -> CachedRows:
        return mirror.get_features_cached_or_refresh(
            arguments.product_ids, max_age_seconds=arguments.max_age, narrowed=wanted
        )

    return show(arguments, Kind.FEATURES, ask)
