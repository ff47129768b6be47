"""Say whether all is well: exit status 0 if so, 1 if not, 7 if no daemon runs (9: damaged).

The daemon judges itself; where none answers, the database is judged, and the answer is no.
"""

from __future__ import annotations

import argparse

from cli.common import add_settings_flags, print_json, settings_of
from cli.screens.screen import harmless
from rules.diagnosis.codes import Code
from rules.diagnosis.diagnose import health_of
from rules.diagnosis.observations import Presence
from service.exit_status import ExitStatus
from service.monitoring.outside import Look, look

EXAMPLES = """\
  testio-sync health
  testio-sync health --json | jq -r '.reasons[].message'
  testio-sync health > health.txt || mail -s 'testio-sync is not well' me < health.txt
"""

ANSWER_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `testio-sync health`."""
    parser.add_argument("--json", action="store_true", help="print the judgement as JSON")
    add_settings_flags(parser)


def main(arguments: argparse.Namespace) -> int:
    """Ask the daemon, else look from outside; print why all is not well, and what to do."""
    settings = settings_of(arguments)
    seen = look(settings, timeout=ANSWER_SECONDS)
    if arguments.json:
        print_json(seen.as_reply(settings).model_dump(mode="json"))
    else:
        _print(seen)
    return _status(seen)


def _status(seen: Look) -> ExitStatus:
    codes = {finding.code for finding in seen.findings}
    if Code.DATABASE_DAMAGED in codes:
        return ExitStatus.DAMAGED
    if seen.presence in (Presence.NONE, Presence.KILLED, Presence.ONE_SHOT):
        return ExitStatus.NO_DAEMON
    return ExitStatus.DONE if health_of(seen.findings).healthy else ExitStatus.FAILED


def _print(seen: Look) -> None:
    verdict = health_of(seen.findings)
    print("healthy" if verdict.healthy else "not healthy")
    for word, findings in (
        ("", verdict.reasons),
        ("warning: ", verdict.warnings),
        ("note: ", verdict.notes),
    ):
        for finding in findings:
            print(f"  {word}{harmless(finding.said(seen.at))}")
            print(f"      {harmless(finding.action)}")
