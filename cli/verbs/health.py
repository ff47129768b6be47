"""Say whether all is well: exit status 0 if so, 1 if not, 7 if no daemon runs (9: damaged).

The daemon judges itself; where none answers, the database is judged, and the answer is no.
"""

from __future__ import annotations

import argparse

from cli.common import add_settings_flags, control_of, print_json, settings_of
from config.settings import Settings
from control.errors import ControlError, NoDaemon
from control.views import HealthReply
from rules.diagnosis.health import Check, Finding
from service.exit_status import ExitStatus
from storage.engine.damage import met

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
    """Ask the daemon, else the database; print why all is not well, and what to do."""
    settings = settings_of(arguments)
    reply, status = _judged(settings)
    if arguments.json:
        print_json(reply.model_dump(mode="json"))
    else:
        _print(reply)
    return status


def _judged(settings: Settings) -> tuple[HealthReply, ExitStatus]:
    try:
        reply = control_of(settings, timeout=ANSWER_SECONDS).health()
    except NoDaemon as error:
        judged = _without_daemon(settings, Check.NO_DAEMON, error)
        return judged, ExitStatus.DAMAGED if met(settings.db_path) else ExitStatus.NO_DAEMON
    except ControlError as error:
        return _without_daemon(settings, Check.DAEMON_SILENT, error), ExitStatus.FAILED
    return reply, ExitStatus.DONE if reply.healthy else ExitStatus.FAILED


def _without_daemon(settings: Settings, check: Check, error: Exception) -> HealthReply:
    from service.monitoring.health_report import health_without_daemon

    return health_without_daemon(settings, check, str(error))


def _print(reply: HealthReply) -> None:
    print("healthy" if reply.healthy else "not healthy")
    for word, findings in (("", reply.reasons), ("warning: ", reply.warnings)):
        for finding in findings:
            _print_finding(word, finding)


def _print_finding(word: str, finding: Finding) -> None:
    from cli.screens.screen import harmless

    print(f"  {word}{harmless(finding.message)}")
    print(f"      {harmless(finding.advice)}")
