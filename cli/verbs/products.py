"""Show the products of the account, from the database; refreshed first if they are too old."""

from __future__ import annotations

import argparse
from dataclasses import replace

from cli.shared.reading import add_common_flags, show
from rules.model import Kind
from service.read_through.api import CachedRows, ReadThrough, RowFilter

EXAMPLES = """\
  testio-sync products
  testio-sync products --max-age 0 --json | jq -r '.rows[].name'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync products`."""
    add_common_flags(parser, since="only those that changed then or later, e.g. '3 days ago'")


def main(arguments: argparse.Namespace) -> int:
    """Print the products; 3 if they could not be refreshed."""

    def ask(mirror: ReadThrough, wanted: RowFilter) -> CachedRows:
        return mirror.get_products_cached_or_refresh(
            max_age_seconds=arguments.max_age,
            narrowed=replace(wanted, product_ids=arguments.product_ids),
        )

    return show(arguments, Kind.PRODUCTS, ask)
