"""Look over the configuration, the token, the database and the daemon; change nothing.

Status 0: no errors. Else what has to be mended first: 2 the configuration, 5 the token, 6 the
database (9: it is damaged), 1 anything else. With --deny-warnings, warnings alone are status 3.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from cli.common import add_settings_flags, print_json, settings_of
from cli.screens.screen import drawn, harmless, make_console
from rules.diagnosis.findings import Finding, Fine, Severity

if TYPE_CHECKING:
    from rules.diagnosis.of_machine import Looked

EXAMPLES = """\
  testio-sync check
  testio-sync check --offline --deny-warnings
  testio-sync check --json | jq -r '.findings[] | select(.level != "ok") | .remedy'
"""


MARGIN = 25
COLOURS = {"ok": "green", "warning": "yellow", "error": "bold red", "information": ""}
WORDS = {"information": "note"}


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
    looked = []
    for each in examine(wanted):
        looked.append(each)
        if not arguments.json:
            _print(_row(each))
    status = exit_status(looked, deny_warnings=arguments.deny_warnings)
    if arguments.json:
        print_json({"status": int(status), "findings": [_row(each) for each in looked]})
    else:
        print(_summary(looked))
    return status


def _row(looked: Looked) -> dict[str, Any]:
    """What was looked at, as a document; `level` is `ok` where nothing was found."""
    if isinstance(looked, Fine):
        return {"level": "ok", "code": None, "area": None, "remedy": ""} | asdict(looked)
    return {
        "level": looked.severity.value,
        "code": looked.code.value,
        "subject": looked.subject.removeprefix("the "),
        "message": looked.said(datetime.now(UTC)),
        "remedy": looked.action,
        "area": looked.area.value,
    }


def _print(row: dict[str, Any]) -> None:
    """A row in columns, wrapped on a terminal; what to do stands below it."""
    console = make_console()
    arrow = drawn(console, "→", "->")
    room = max(MARGIN, console.width - MARGIN) if sys.stdout.isatty() else sys.maxsize
    lines = [
        line
        for text in (row["message"], row["remedy"] and f"{arrow} {row['remedy']}")
        for line in textwrap.wrap(harmless(text), room, break_on_hyphens=False)
    ]
    level = row["level"]
    head = Text.assemble(
        (f"{WORDS.get(level, level):<9}", COLOURS[level]), f"{row['subject']:<15} "
    )
    for line in lines:
        console.print(head + Text(line), soft_wrap=True)
        head = Text(" " * MARGIN)


def _summary(looked: list[Looked]) -> str:
    counts = Counter(each.severity for each in looked if isinstance(each, Finding))
    return ", ".join(
        f"{counts[severity] or 'no'} {severity.value}{'s' * (counts[severity] != 1)}"
        for severity in (Severity.ERROR, Severity.WARNING)
    )
