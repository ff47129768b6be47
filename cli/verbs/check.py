"""Look over the configuration, the token, the database and the daemon; change nothing.

Status 0: no errors. Else what has to be mended first: 2 the configuration, 5 the token, 6 the
database (9: it is damaged), 1 anything else. With --deny-warnings, warnings alone are status 3.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.text import Text

from cli.common import add_settings_flags, print_json, settings_of
from cli.screens.screen import drawn, harmless, make_console

if TYPE_CHECKING:
    from rules.diagnosis.findings import Finding

EXAMPLES = """\
  testio-sync check
  testio-sync check --offline --deny-warnings
  testio-sync check --json | jq -r '.findings[] | select(.level != "ok") | .remedy'
"""


MARGIN = 25
COLOURS = {"ok": "green", "warning": "yellow", "error": "bold red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync check`."""
    parser.add_argument("--offline", action="store_true", help="send nothing to the remote")
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="check every page and index of the database, however long that takes",
    )
    parser.add_argument("--deny-warnings", action="store_true", help="status 3 for warnings alone")
    parser.add_argument("--json", action="store_true", help="print all findings as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Examine, and print finding by finding."""
    from config.logs import configure_logs
    from config.places import default_config_file
    from service.checkup.doctor import Examination, examine, exit_status

    configure_logs(level="ERROR", log_format="auto", file=None)
    wanted = Examination(
        load=lambda: settings_of(arguments),
        config=arguments.config or default_config_file(),
        offline=arguments.offline,
        thorough=arguments.thorough,
    )
    findings = []
    for finding in examine(wanted):
        findings.append(finding)
        if not arguments.json:
            _print(finding)
    status = exit_status(findings, deny_warnings=arguments.deny_warnings)
    if arguments.json:
        print_json({"status": int(status), "findings": [asdict(finding) for finding in findings]})
    else:
        print(_summary(findings))
    return status


def _print(finding: Finding) -> None:
    """The finding in columns, wrapped on a terminal; what to do stands below it."""
    console = make_console()
    arrow = drawn(console, "→", "->")
    room = max(MARGIN, console.width - MARGIN) if sys.stdout.isatty() else sys.maxsize
    lines = [
        line
        for text in (finding.message, finding.remedy and f"{arrow} {finding.remedy}")
        for line in textwrap.wrap(harmless(text), room, break_on_hyphens=False)
    ]
    head = Text.assemble((f"{finding.level:<9}", COLOURS[finding.level]), f"{finding.subject:<16}")
    for line in lines:
        console.print(head + Text(line), soft_wrap=True)
        head = Text(" " * MARGIN)


def _summary(findings: list[Finding]) -> str:
    from rules.diagnosis.findings import Level, count

    return ", ".join(
        f"{number or 'no'} {word}{'s' * (number != 1)}"
        for word in (Level.ERROR, Level.WARNING)
        for number in (count(findings, word),)
    )
