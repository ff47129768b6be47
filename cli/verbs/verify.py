"""Compare the mirror with the live account, and say which differences its age explains.

Nothing is written. Status 0: no difference, or only explained ones; 3: unexplained ones, or
something could not be compared.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from cli.common import (
    ONLY_THESE_PRODUCTS,
    add_log_flags,
    add_product_ids,
    add_settings_flags,
    print_json,
    settings_of,
    start_logging,
)
from cli.screens.screen import harmless
from rules.text.wording import counted

if TYPE_CHECKING:
    from rules.diagnosis.verifying import Discrepancy
    from service.checkup.verify_report import Report

EXAMPLES = """\
  testio-sync verify
  testio-sync verify --product-ids 18 42
  testio-sync verify --sample 20 --json
"""

SHOWN = 10
WORDS = {
    "missing": "missing in the mirror",
    "not_listed": "in the mirror, but not listed live",
    "differs": "differs",
    "marked_deleted": "marked as deleted, but live",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync verify`."""
    add_product_ids(parser, what=ONLY_THESE_PRODUCTS)
    parser.add_argument(
        "--sample",
        type=_count,
        metavar="N",
        help="fetch N random mirrored tests of each product, instead of listing all its tests",
    )
    parser.add_argument("--json", action="store_true", help="print every difference as JSON")
    add_settings_flags(parser)
    add_log_flags(parser)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:10]) <= 10_000):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tests; expected 1 to 10000")
    return int(text)


def main(arguments: argparse.Namespace) -> int:
    """Compare, report, and end with the status that tells."""
    from config.token import load_token
    from service.checkup.verify import RemoteUnusable, TokenNotAccepted, verify
    from service.exit_status import ExitStatus

    settings = settings_of(arguments)
    token = load_token(settings)
    quiet = "log_level" not in settings.model_fields_set
    start_logging(settings, level="ERROR" if quiet else None)
    try:
        report = verify(settings, token, product_ids=arguments.product_ids, sample=arguments.sample)
    except TokenNotAccepted as error:
        print(f"testio-sync: {error}", file=sys.stderr)
        return ExitStatus.CREDENTIALS
    except RemoteUnusable as error:
        print(f"testio-sync: {error}", file=sys.stderr)
        return ExitStatus.FAILED
    if arguments.json:
        print_json(_document(report))
    else:
        show(report)
    is_proven = report.compared and not report.unexplained and not report.uncompared
    return ExitStatus.DONE if is_proven else ExitStatus.PARTIAL


def _document(report: Report) -> dict[str, object]:
    return {
        "compared": report.compared,
        "explained": len(report.findings) - report.unexplained,
        "unexplained": report.unexplained,
        "differences": [asdict(finding) for finding in report.findings],
        "not_compared": [asdict(place) for place in report.uncompared],
    }


def show(report: Report) -> None:
    """The report for people, product by product."""
    by_product = itertools.groupby(
        sorted(report.findings, key=lambda f: f.product_id), key=lambda f: f.product_id
    )
    for product_id, findings in by_product:
        print(f"product {product_id}" if product_id else "the product list")
        _print_findings(list(findings))
    for place in report.uncompared:
        product = f"product {place.product_id}, " if place.product_id else ""
        print(f"not compared: {product}{place.kind.value}: {harmless(place.why)}")
    explained = len(report.findings) - report.unexplained
    if not report.compared and not report.uncompared:
        print("nothing was compared: neither the account nor the mirror has a product")
    print(
        f"{counted(report.compared, 'row')} compared, "
        f"{counted(explained, 'difference')} explained, "
        f"{report.unexplained} unexplained"
    )


def _print_findings(findings: list[Discrepancy]) -> None:
    """A line each, what nothing explains first; of many explained alike only the first ones."""

    def sort(finding: Discrepancy) -> tuple[bool, str, str, str]:
        return finding.explained, finding.kind.value, finding.what.value, finding.why

    for (explained, _, _, _), group in itertools.groupby(sorted(findings, key=sort), key=sort):
        alike = list(group)
        shown = alike[:SHOWN] if explained else alike
        for finding in shown:
            mark = "explained  " if explained else "UNEXPLAINED"
            what = f"{finding.kind.value} {finding.id} {WORDS[finding.what]}"
            print(f"  {mark}  {what}: {harmless(finding.why)}")
        if len(shown) < len(alike):
            print(f"               … and {len(alike) - len(shown)} more for the same reason")
